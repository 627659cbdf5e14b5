"""The notebook server's one rule that Jupyter itself does not have: it never runs without a token."""

import sys
from typing import Any

from jupyter_server.auth.identity import PasswordIdentityProvider


class TokenAlways(PasswordIdentityProvider):
    """Jupyter's own way to log in, which ends the server where neither a token nor a password is set."""

    def validate_security(self, app: Any, ssl_options: dict[str, Any] | None = None) -> None:
        """Ends the process with exit code 2 where anyone could log in."""
        if not self.auth_enabled:
            app.log.critical("the token is empty: whoever reaches the port could run code. Leave out the setting of it")
            sys.exit(2)
        super().validate_security(app, ssl_options)
