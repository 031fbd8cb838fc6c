"""What most often stands behind a broker's connection that fails, in words."""

from __future__ import annotations

import ssl

from host.settings import BrokerSettings

HAS_EXPIRED = 10
"""OpenSSL's X509_V_ERR_CERT_HAS_EXPIRED, which the standard library gives no name."""


def hint(place: BrokerSettings) -> str:
    """Why a broker most often ends a connection at once."""
    if place.ca_file is None:
        return "does it speak TLS there? Then name its authority in broker.ca_file"
    if place.cert_file is None:
        return "does it want a certificate? Name yours in broker.cert_file and key_file"
    return f"does it not know the authority of {place.cert_file}, or has that expired?"


def tls_trouble(place: BrokerSettings, error: OSError) -> str:
    """What failed of TLS, in words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code == HAS_EXPIRED:
            return (
                "its certificate has expired; move it and its key away and make another with: "
                "scripts/certificates server"
            )
        return (
            f"its certificate is refused: {error.verify_message}; it must be signed by the "
            f"authority in {place.ca_file} and bear the name {place.host}"
        )
    reason = str(getattr(error, "reason", None) or error).lower().replace("_", " ")
    return f"no TLS connection ({reason}): does it speak TLS on that port?"
