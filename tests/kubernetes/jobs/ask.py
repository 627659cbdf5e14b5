"""ask.py http URL [TOKEN], or ask.py tls HOST PORT CERTIFICATE: prints what a server answers.

For http, the result is the status, or the reason why nothing answers. For tls, it is the TLS version if the server has
the certificate in the file, or the error.
"""

import json
import socket
import ssl
import sys
import urllib.error
import urllib.request

TIMEOUT_S = 10


def http(url: str, token: str = "") -> int | str:
    """Returns the HTTP status of a URL, asked with or without a bearer token."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT_S) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except urllib.error.URLError as error:
        return str(error.reason)


def tls(host: str, port: str, certificate: str) -> str | None:
    """Returns the TLS version of a port."""
    context = ssl.create_default_context(cafile=certificate)
    context.check_hostname = False
    with socket.create_connection((host, int(port)), TIMEOUT_S) as connection:
        try:
            return context.wrap_socket(connection).version()
        except OSError as error:
            return f"no TLS: {error}"


print("RESULT " + json.dumps({"http": http, "tls": tls}[sys.argv[1]](*sys.argv[2:])))
