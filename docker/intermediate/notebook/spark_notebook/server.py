"""A rule that Jupyter itself does not have: the notebook server never runs without a token."""

import sys
from typing import Any

from jupyter_server.auth.identity import PasswordIdentityProvider


class TokenAlways(PasswordIdentityProvider):
    """Jupyter's own login. In addition, it ends the server if neither a token nor a password is set."""

    def validate_security(self, app: Any, ssl_options: dict[str, Any] | None = None) -> None:
        """Ends the process with exit code 2 if anyone could log in."""
        if not self.auth_enabled:
            app.log.critical("the token is empty: anyone who reaches the port could run code. Remove the option for it")
            sys.exit(2)
        super().validate_security(app, ssl_options)
