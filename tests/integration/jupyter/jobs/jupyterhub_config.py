"""A JupyterHub for the tests, in a container. Its proxy runs in its own process. The test starts the users' containers.

HUB_NAME is the name of this container on its network. A user's container has the name `<HUB_NAME>-<user>`.
"""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, DummyCookieJar, WSMessage, WSMsgType, web
from jupyterhub.proxy import Proxy
from jupyterhub.spawner import Spawner
from multidict import CIMultiDict
from yarl import URL

NAME = os.environ["HUB_NAME"]
BETWEEN_TWO = {"connection", "content-length", "keep-alive", "transfer-encoding", "upgrade"}
"""Headers that belong to one connection, so a proxy does not pass them on."""


class OneProcessProxy(Proxy):
    """Passes requests of port 8000 on to the Hub or to the server of a user."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.routes: dict[str, dict[str, Any]] = {}

    async def start(self) -> None:
        """Starts to listen."""
        self.client = ClientSession(
            auto_decompress=False, cookie_jar=DummyCookieJar()
        )  # each browser has its own cookies
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.forward)
        self.runner = web.AppRunner(app)
        await self.runner.setup()
        await web.TCPSite(self.runner, "0.0.0.0", 8000).start()  # noqa: S104

    async def stop(self) -> None:
        """Stops to listen."""
        await self.runner.cleanup()
        await self.client.close()

    async def add_route(self, routespec: str, target: str, data: dict[str, Any]) -> None:
        """Sends requests below a path to a server."""
        self.routes[routespec] = {"routespec": routespec, "target": target, "data": data}

    async def delete_route(self, routespec: str) -> None:
        """Forgets a path."""
        self.routes.pop(routespec, None)

    async def get_all_routes(self) -> dict[str, dict[str, Any]]:
        """Returns all routes by path."""
        return dict(self.routes)

    async def forward(self, request: web.Request) -> web.StreamResponse:
        """Passes on one request."""
        route = max((path for path in self.routes if f"{request.path}/".startswith(path)), key=len)
        url = URL(self.routes[route]["target"].rstrip("/") + request.raw_path, encoded=True)
        headers = CIMultiDict((k, v) for k, v in request.headers.items() if k.lower() not in BETWEEN_TWO)
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self.connect(request, url, headers)
        content = await request.read()
        async with self.client.request(
            request.method, url, headers=headers, data=content, allow_redirects=False
        ) as answer:
            passed = CIMultiDict((k, v) for k, v in answer.headers.items() if k.lower() not in BETWEEN_TWO)
            return web.Response(status=answer.status, headers=passed, body=await answer.read())

    async def connect(self, request: web.Request, url: URL, headers: CIMultiDict[str]) -> web.StreamResponse:
        """Passes on the messages of a websocket, in both directions."""
        own = [key for key in headers if key.lower().startswith("sec-websocket")]
        for key in set(own):
            del headers[key]
        async with self.client.ws_connect(url, headers=headers, max_msg_size=0) as server:
            browser = web.WebSocketResponse(max_msg_size=0)
            await browser.prepare(request)
            await asyncio.wait(
                [asyncio.ensure_future(pump(browser, server)), asyncio.ensure_future(pump(server, browser))],
                return_when=asyncio.FIRST_COMPLETED,
            )
            await browser.close()
        return browser


async def pump(source: Any, target: Any) -> None:
    """Passes on messages until the source closes."""
    message: WSMessage
    async for message in source:
        if message.type is WSMsgType.TEXT:
            await target.send_str(message.data)
        elif message.type is WSMsgType.BINARY:
            await target.send_bytes(message.data)


class AskingSpawner(Spawner):
    """Writes what a user's container must be started with to /tmp/<user>.json. The test starts the container."""

    async def start(self) -> tuple[str, int]:
        """Returns the address that the user's server will have."""
        Path(f"/tmp/{self.user.name}.json").write_text(json.dumps(self.get_env()))
        return f"{NAME}-{self.user.name}", self.port

    async def poll(self) -> None:
        """Says that the container runs."""

    async def stop(self, now: bool = False) -> None:
        """Does nothing, because the test removes the container."""


c = get_config()  # noqa: F821 - JupyterHub reads this file with it

c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.proxy_class = OneProcessProxy
c.JupyterHub.spawner_class = AskingSpawner
c.JupyterHub.bind_url = "http://0.0.0.0:8000"
c.JupyterHub.hub_bind_url = "http://0.0.0.0:8081"
c.JupyterHub.hub_connect_url = f"http://{NAME}:8081"
c.JupyterHub.db_url = "sqlite:////tmp/hub.sqlite"
c.JupyterHub.cookie_secret_file = "/tmp/hub-cookie"
# JupyterHub finds its templates by the styles of its pages, which the image does not contain.
c.JupyterHub.data_files_path = "/usr/local/share/jupyterhub"
c.Spawner.env_keep = []
c.Spawner.ip = "0.0.0.0"  # noqa: S104
c.Spawner.port = 8888
c.Spawner.http_timeout = 120
c.Spawner.start_timeout = 120
