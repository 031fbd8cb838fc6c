/** Words for those refusals of the contract and the oracle that a customer can meet. */

import type { Revert } from '../chain/faults'
import type { INHIBITS } from '../generated/reasons'

type Two = readonly [en: string, de: string]

export const REVERT_WORDS: Partial<Record<Revert, Two>> = {
  'disputes: a later key settled': [
    'a reading signed with a newer key has been settled since',
    'seither wurde eine Ablesung unter einem neueren Schlüssel abgerechnet',
  ],
  'disputes: not while in force': [
    'the key that signed the receipt was not in force then',
    'der Schlüssel des Belegs galt damals nicht',
  ],
  'disputes: nothing overcharged': [
    'everything overcharged has been refunded already',
    'alles zu viel Berechnete wurde schon erstattet',
  ],
  'disputes: too late': ['it is too late for a dispute', 'zum Bestreiten ist es zu spät'],
  'drills: in a rental': ['somebody else is renting this drill', 'jemand anders mietet diese Maschine'],
  'drills: no such drill': ['there is no such drill', 'es gibt keine solche Maschine'],
  'drills: retired': ['this drill is no longer on offer', 'diese Maschine wird nicht mehr angeboten'],
  'oracles: revoked': ['the drill’s oracle has been revoked', 'das Orakel der Maschine wurde widerrufen'],
  'oracles: suspended': [
    'the drill’s oracle is suspended after a dispute',
    'das Orakel der Maschine ist gesperrt, weil eine Abrechnung mit Erfolg bestritten wurde',
  ],
  'ownable: caller is not the owner': [
    'only the owner of the contract may do this',
    'das darf nur der Eigentümer des Vertrags',
  ],
  'pausable: contract is paused': [
    'new rentals and top-ups are stopped for now',
    'neue Mieten und Aufladungen sind vorerst angehalten',
  ],
  'rentals: awaiting final reading': [
    'the last reading can still come; closing is possible after the grace period',
    'die letzte Ablesung kann noch kommen; abschließen geht nach der Nachfrist',
  ],
  'rentals: closed': ['the rental is already closed', 'die Miete ist schon abgeschlossen'],
  'rentals: ended': ['the rental has already ended', 'die Miete ist schon beendet'],
  'rentals: hourly cap is too low': [
    'the limit for each hour is below the standing price',
    'die Grenze je Stunde liegt unter dem Grundpreis',
  ],
  'rentals: no such rental': ['there is no such rental', 'es gibt keine solche Miete'],
  'rentals: not ended': ['the rental has not been ended yet', 'die Miete ist noch nicht beendet'],
  'rentals: not yours to end': ['this rental is another customer’s', 'diese Miete gehört jemand anderem'],
  'rentals: nothing reserved': ['an amount has to be set aside', 'es muss ein Betrag bereitgestellt werden'],
  'rentals: nothing to top up': ['the amount is zero', 'der Betrag ist null'],
  'rentals: offered at other tariff': [
    'the drill is now on offer at another tariff; look at it again',
    'die Maschine wird jetzt zu einem anderen Tarif angeboten; sehen Sie noch einmal nach',
  ],
  'rentals: too late to open': [
    'it reached the chain too late: an opening is good for 15 minutes, so that it does not unlock a drill that nobody waits for. Nothing was paid; ask again',
    'es kam zu spät auf die Chain: Eine Öffnung gilt 15 Minuten, damit sie keine Maschine freigibt, auf die niemand mehr wartet. Es wurde nichts bezahlt; versuchen Sie es noch einmal',
  ],
  'rentals: under the least reserve': [
    'the amount is below the tariff’s minimum',
    'der Betrag liegt unter dem Mindestbetrag',
  ],
  'tariffs: retired': ['this tariff is no longer on offer', 'dieser Tarif wird nicht mehr angeboten'],
  'vault: amount is not the value': [
    'the amount and the value sent differ',
    'der Betrag und der gesendete Wert stimmen nicht überein',
  ],
  'vault: cannot pay there': ['the address does not take the payment', 'die Adresse nimmt die Zahlung nicht an'],
  'vault: more than the account has': [
    'the account in the contract holds less',
    'auf dem Konto im Vertrag ist weniger',
  ],
  'vault: nothing to withdraw': ['there is nothing to withdraw', 'es gibt nichts auszuzahlen'],
  'vault: token refused': ['the token refused the payment', 'der Token hat die Zahlung abgelehnt'],
  'collect: nothing to collect': ['there is nothing to collect', 'es gibt nichts abzuholen'],
}

export const INHIBIT_WORDS: Record<(typeof INHIBITS)[number], Two> = {
  'oracle starting': ['the oracle is starting', 'das Orakel startet'],
  'oracle stopping': ['the oracle is being stopped', 'das Orakel wird angehalten'],
  'chain unreachable': ['the oracle cannot reach the chain', 'das Orakel erreicht die Chain nicht'],
  'chain endpoints disagree': [
    'the oracle’s sources disagree about the chain',
    'die Quellen des Orakels sind sich über die Chain nicht einig',
  ],
  'chain head stale': ['the oracle’s view of the chain is too old', 'die Sicht des Orakels auf die Chain ist zu alt'],
  'reading past blocks': ['the oracle is catching up with the chain', 'das Orakel liest frühere Blöcke nach'],
  'clock differs from chain': [
    'the oracle’s clock differs from the chain',
    'die Uhr des Orakels weicht von der Chain ab',
  ],
  'journal not writable': ['the oracle cannot write its journal', 'das Orakel kann nicht in sein Journal schreiben'],
  'disk full': ['the oracle’s disk is full', 'der Datenträger des Orakels ist voll'],
  'signing key does not answer': [
    'the oracle’s signing key does not answer',
    'der Signaturschlüssel des Orakels antwortet nicht',
  ],
  'oracle key not registered': [
    'the oracle’s key is not registered',
    'der Schlüssel des Orakels ist nicht eingetragen',
  ],
  'oracle key not enrolled': [
    'the contract does not know the oracle’s key yet',
    'der Vertrag kennt den Schlüssel des Orakels noch nicht',
  ],
  'oracle revoked': ['the oracle has been revoked', 'das Orakel wurde widerrufen'],
  'another oracle signs with this key': [
    'another oracle signs with this one’s key',
    'ein anderes Orakel signiert mit dem Schlüssel dieses Orakels',
  ],
  'oracle suspended': ['the oracle is suspended', 'das Orakel ist gesperrt'],
  'drill belongs to another oracle': [
    'the drill belongs to another oracle',
    'die Maschine gehört zu einem anderen Orakel',
  ],
  'drill retired': ['the drill is no longer on offer', 'die Maschine wird nicht mehr angeboten'],
  'no rental': ['nobody is renting it', 'niemand mietet sie'],
  'rental not confirmed yet': ['waiting for the chain to confirm the rental', 'die Chain bestätigt die Miete noch'],
  'no BalancePositive event': ['waiting for the deposit to be seen', 'die Einzahlung ist noch nicht zu sehen'],
  'chain is behind a block that a lease rested on': [
    'the oracle’s view of the chain has gone back',
    'die Sicht des Orakels auf die Chain ist zurückgefallen',
  ],
  'rental ended': ['the rental has ended', 'die Miete ist beendet'],
  'journal does not cover this rental': [
    'the oracle’s journal does not cover this rental',
    'das Journal des Orakels deckt diese Miete nicht ab',
  ],
  'no fresh samples': ['nothing has been heard from the drill', 'von der Maschine ist nichts zu hören'],
  "controller's nonce not known": [
    'the drill has not asked for permission to start yet',
    'die Maschine hat noch nicht um Freigabe gebeten',
  ],
  'no sample with the motor off yet': ['let go of the trigger first', 'lassen Sie zuerst den Abzug los'],
  'more is signed than metered': ['the oracle’s records are behind', 'die Aufzeichnungen des Orakels hinken nach'],
  'drill clock ahead': ['the drill’s clock is ahead', 'die Uhr der Maschine geht vor'],
  'sample sequence reused': ['the drill’s samples repeat numbers', 'die Messwerte der Maschine wiederholen Nummern'],
  'controller replaced, end the rental': [
    'the drill has a new controller; end the rental',
    'die Maschine hat eine neue Steuerung; Miete bitte beenden',
  ],
  'stored samples damaged, end the rental': [
    'records of this rental are damaged; end the rental',
    'Aufzeichnungen dieser Miete sind beschädigt; Miete bitte beenden',
  ],
  'readings rejected': ['the contract rejects this oracle’s readings', 'der Vertrag weist die Ablesungen zurück'],
  'settlement stalled': ['settlements are not getting through', 'Abrechnungen kommen nicht durch'],
  'credit exhausted': ['the credit is used up', 'das Guthaben ist aufgebraucht'],
  "customer's cap reached": ['your own limit is reached', 'Ihr eigenes Limit ist erreicht'],
  'reported stolen': ['this drill is reported stolen', 'diese Maschine ist als gestohlen gemeldet'],
  'theft reports cannot be read': [
    'the oracle cannot read whether the drill is reported stolen',
    'das Orakel kann nicht lesen, ob die Maschine als gestohlen gemeldet ist',
  ],
}
