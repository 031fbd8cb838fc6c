"""What each finding means, in German, for statements in that language.

A name that is missing here is found when this is loaded, not when a customer asks for a bill.
"""

from __future__ import annotations

from audit.findings import CATALOGUE

GERMAN: dict[str, str] = {
    # What the node says
    "log-hidden": "Die Belege des Blocks enthalten ein Ereignis, das der Knoten verschwiegen hat.",
    "log-invented": "Der Knoten nannte ein Ereignis, das in den Belegen des Blocks nicht steht.",
    "log-altered": "Der Knoten gab ein Ereignis mit anderem Inhalt wieder als die Belege.",
    "log-unknown": "Die Adresse des Vertrags meldete etwas, das kein DrillMeter meldet.",
    "block-hash-differs": "Der Kopf eines Blocks ergibt nicht den Hash, den der Knoten nennt.",
    "block-number-differs": "Der Knoten antwortet mit einem anderen Block als dem verlangten.",
    "block-unlinked": "Ein Block nennt den Block vor ihm nicht als seinen Vorgänger.",
    "receipts-root-differs": "Die Belege eines Blocks sind nicht die, auf die sein Kopf verweist.",
    "transaction-missing": "Der Knoten kennt eine Transaktion nicht, die er selbst genannt hat.",
    "proof-wrong": "Ein Speicherbeweis führt nicht zur Zustandswurzel des vertrauten Blocks.",
    "code-differs": "Der Code an der Adresse ist nicht der veröffentlichte DrillMeter.",
    "terms-differ": "Eine feste Bedingung im Code lautet anders, als der Vertrag auf Abfrage "
    "angibt.",
    # Events that do not follow from one another
    "event-missing": "Auf dieses Ereignis muss unmittelbar ein weiteres folgen; es fehlt.",
    "event-impossible": "In dem Zustand, der sich aus den Ereignissen ergibt, tut der Vertrag das "
    "nicht.",
    "number-skipped": "Die Nummern laufen lückenlos; also fehlt ein früheres Ereignis.",
    "epoch-skipped": "Die Schlüssel eines Orakels werden gezählt; ein Wechsel fehlt.",
    "account-overdrawn": "Ein Konto zahlte mehr aus, als nach den Ereignissen je eingegangen ist.",
    "tariff-unknown": "Kein Ereignis hat diesen Tarif veröffentlicht; nach ihm ist nichts "
    "nachrechenbar.",
    "rental-unknown": "Kein Ereignis hat diese Miete eröffnet.",
    # Usage
    "charge-differs": "Das Entgelt ist nicht das, was Zählerstände und Tarif ergeben.",
    "until-differs": "Der Zeitpunkt des Ereignisses ist nicht der seiner Ablesung.",
    "reading-not-later": "Eine abgerechnete Ablesung ist nicht später als die vor ihr.",
    "reading-in-the-future": "Eine abgerechnete Ablesung ist später datiert als ihr Block.",
    "reading-after-end": "Eine abgerechnete Ablesung liegt nach dem Ende ihrer Miete.",
    "reading-after-grace": "Eine Ablesung wurde nach Ablauf der Nachfrist abgerechnet.",
    "reading-after-close": "Eine Ablesung wurde nach Abschluss der Miete abgerechnet.",
    "register-fell": "Ein abgerechneter Zählerstand ist niedriger als der vorige.",
    "active-time-beyond-wall-clock": "Die Laufzeit wuchs stärker, als Zeit vergangen ist.",
    "revolutions-beyond-rpm": "Die Umdrehungen übersteigen die höchste Drehzahl des Tarifs.",
    "settlement-log-missing": "Eine Ablesung wurde zur Abrechnung eingereicht und hinterließ kein "
    "Ereignis.",
    "settlement-not-in-calldata": "Ein Ereignis weicht von der eingereichten Ablesung ab.",
    "rejection-unfounded": "Eine Ablesung wurde aus einem anderen Grund abgelehnt, als die Regeln "
    "vorgeben.",
    "log-size-fell": "Eine spätere Ablesung belegt weniger Messwerte als eine frühere.",
    # Published samples
    "samples-differ": "Die veröffentlichten Messwerte sind nicht die, deren Wurzel signiert wurde.",
    "log-forked": "Die veröffentlichten Messwerte gehören zu einer späteren Ablesung, nicht zu "
    "einer früheren.",
    "registers-not-from-samples": "Die signierten Zählerstände folgen nicht aus den Messwerten.",
    "bundle-truncated": "Ein abgeschlossenes Bündel ist nicht voll, oder eine Datei endet mitten "
    "in einem Messwert.",
    "sample-undecodable": "Ein Messwert hat ein Feld, das keiner haben kann.",
    "sample-of-another-drill": "Unter den Messwerten einer Miete ist einer einer anderen "
    "Bohrmaschine.",
    "sample-of-another-rental": "Unter den Messwerten einer Miete ist einer, der sie nicht nennt.",
    "sample-out-of-sequence": "Ein Messwert folgt nicht auf den, der vor ihm steht.",
    "samples-missing": "Messwerte, die eine Ablesung belegt, sind nicht veröffentlicht.",
    "samples-unsigned": "Nach der letzten Ablesung sind Messwerte veröffentlicht, die keine "
    "belegt.",
    "billed-beyond-odometer": "Berechnet wurde mehr Laufzeit, als die Maschine selbst gezählt hat.",
    "gap-in-samples": "Messwerte fehlen oder kamen zu spät: Der Anbieter konnte diese Zeit nicht "
    "berechnen.",
    # The newest published reading
    "published-reading-malformed": "Die veröffentlichte Ablesung (reading.json) ist keine.",
    "published-reading-of-another": "Die veröffentlichte Ablesung gehört zu einer anderen Miete, "
    "Blockchain oder einem anderen Vertrag.",
    "published-reading-signed-by-another-key": "Die veröffentlichte Ablesung ist nicht mit einem "
    "Schlüssel signiert, den ihr Orakel zu dieser Zeit hatte.",
    "published-reading-contradicts": "Die veröffentlichte und die abgerechnete Ablesung können "
    "nicht beide zutreffen.",
    # Signatures
    "reading-signed-by-another-key": "Eine abgerechnete Ablesung ist nicht mit dem Schlüssel ihres "
    "Orakels signiert.",
    "reading-signed-before-registration": "Eine abgerechnete Ablesung ist mit einem Schlüssel "
    "signiert, der erst später eingetragen wurde.",
    "reading-signed-after-retirement": "Eine abgerechnete Ablesung ist mit einem Schlüssel "
    "signiert, der bereits abgelöst oder widerrufen war.",
    "receipt-signed-by-another-key": "Eine bestrittene Quittung ist nicht mit dem Schlüssel "
    "signiert, den sie nennt.",
    "key-address-differs": "Ein eingetragener P-256-Schlüssel wird nicht bei seiner Adresse "
    "genannt.",
    # Money
    "funds-differ": "Die Mittel einer Miete sind nicht die Summe der Einzahlungen.",
    "credit-differs": "Das Guthaben ist nicht das, was Mittel, Obergrenzen und Entgelt übrig "
    "lassen.",
    "refund-differs": "Die Erstattung einer Miete ist nicht das, was Mittel, Obergrenzen und "
    "Entgelt übrig lassen.",
    "closed-too-early": "Eine Miete wurde ohne letzte Ablesung vor Ablauf der Nachfrist "
    "geschlossen.",
    "collected-beyond-earned": "Der Anbieter entnahm mehr, als verdient war.",
    "collected-differs": "Der Anbieter entnahm einen anderen Betrag, als verdient war.",
    "dispute-out-of-rules": "Ein Streitfall wurde gewonnen, den die Regeln nicht zulassen.",
    "dispute-refund-differs": "Die Rückzahlung eines Streitfalls ist nicht die Differenz nach "
    "Tarif.",
    "penalty-differs": "Die Vertragsstrafe eines Streitfalls entspricht nicht den Regeln.",
    "bond-differs": "Die Sicherheitsleistung ist nicht die Summe aus Hinterlegtem, Entnommenem und "
    "Freigegebenem.",
    "bond-notice-differs": "Die Freigabe der Sicherheitsleistung wurde mit anderer Frist "
    "angekündigt, als die Regeln verlangen.",
    "bond-released-out-of-rules": "Die Sicherheitsleistung wurde außerhalb ihrer Woche oder in "
    "falscher Höhe freigegeben.",
    "held-differs": "Was der Vertrag als seine Verbindlichkeiten nennt, ist nicht deren Summe.",
    "insolvent": "Der Vertrag hat weniger, als er schuldet.",
    # Events against the chain's state at the final block
    "account-state-differs": "Ein Konto hat einen anderen Stand, als die Ereignisse ergeben.",
    "rental-state-differs": "Eine Miete steht anders, als die Ereignisse ergeben.",
    "tariff-state-differs": "Ein Tarif ist nicht der, der veröffentlicht wurde.",
    "drill-state-differs": "Eine Bohrmaschine steht anders, als die Ereignisse ergeben.",
    "oracle-state-differs": "Ein Orakel steht anders, als die Ereignisse ergeben.",
    "key-state-differs": "Der Eintrag eines Signaturschlüssels ist anders, als die Ereignisse "
    "ergeben.",
    "count-differs": "Der Vertrag zählt hiervon eine andere Anzahl, als die Ereignisse zeigen.",
    "contract-state-differs": "Eigentümer, Betreuer, Pause, Erlöse, Sicherheitsleistung oder "
    "Verbindlichkeiten sind anders, als die Ereignisse ergeben.",
    # Not looked at
    "reorganisation": "Die Blockchain änderte sich während der Prüfung; sie ist zu wiederholen.",
    "history-before-range": "Der geprüfte Bereich beginnt erst nach der Einrichtung des Vertrags.",
    "blocks-not-scanned": "Geholt wurden nur Blöcke mit bekannten Ereignissen, nicht lückenlos bis "
    "zum letzten.",
    "block-hash-unchecked": "Die Blockköpfe dieser Blockchain haben eigene Felder und ergeben hier "
    "nicht ihren Hash.",
    "receipts-unchecked": "Die Belege eines Blocks ergeben hier nicht ihre Wurzel, vielleicht nach "
    "eigenen Regeln der Blockchain.",
    "receipts-not-checked": "Der Knoten gibt keine Belege heraus; verschwiegene Ereignisse können "
    "unbemerkt bleiben.",
    "signature-unchecked": "Die signierten Ablesungen stehen nicht in der Transaktion selbst; die "
    "Signatur war nicht prüfbar.",
    "samples-unreachable": "Die veröffentlichten Messwerte waren nicht abrufbar.",
    "samples-not-yet-published": "Messwerte unter einer Ablesung der letzten Stunde liegen noch "
    "nicht vor.",
    "samples-unchecked": "Die Messwerte einer Ablesung konnten nicht mit ihr verglichen werden.",
    "published-reading-missing": "Zu einer abgerechneten Miete ist keine Ablesung (reading.json) "
    "veröffentlicht.",
    "published-reading-unchecked": "Die veröffentlichte Ablesung ist neuer als der geprüfte Teil "
    "der Blockchain, oder ihr Schlüssel liegt außerhalb davon.",
    "balance-unproven": "Der Bestand an Token wurde beim Knoten abgefragt, nicht bewiesen.",
}

UNTRANSLATED = CATALOGUE.keys() ^ GERMAN.keys()
if UNTRANSLATED:
    raise AssertionError(f"findings and their German differ in {sorted(UNTRANSLATED)}")
