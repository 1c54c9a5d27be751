"""Canaille, an OpenID provider of somebody else's, with a few people in memory and Credence as a client."""

import asyncio
import json
import os
import signal

from asgiref.wsgi import WsgiToAsgi
from canaille import create_app
from canaille.app import models
from canaille.backends import Backend
from hypercorn.asyncio import serve
from hypercorn.config import Config

settings = json.loads(os.environ["CANAILLE_TEST"])

app = create_app(
    {
        "SECRET_KEY": settings["secret"],
        "SERVER_NAME": f"localhost:{settings['port']}",
        "PREFERRED_URL_SCHEME": "https",
        "SESSION_COOKIE_NAME": "globex_session",
        "CANAILLE": {
            "NAME": "Globex",
            "DATABASE": "memory",
            "ENABLE_PASSWORD_COMPROMISSION_CHECK": False,
        },
        "CANAILLE_OIDC": {},
    }
)

with app.app_context():
    for person in settings["people"]:
        user = models.User(
            user_name=person["login"],
            formatted_name=person["name"],
            family_name=person["name"].split(" ")[-1],
            emails=[f"{person['login']}@globex.example"],
            password=person["password"],
        )
        Backend.instance.save(user)
        for name in person["groups"]:
            group = Backend.instance.get(models.Group, display_name=name) or models.Group(display_name=name, members=[])
            group.members = [*group.members, user]
            Backend.instance.save(group)
    client = models.Client(
        client_id="credence-at-globex",
        client_secret=settings["client_secret"],
        client_name="Credence",
        client_uri=settings["issuer"],
        redirect_uris=[settings["redirect_uri"]],
        grant_types=["authorization_code"],
        response_types=["code"],
        scope=["openid", "profile", "groups"],
        token_endpoint_auth_method="client_secret_basic",
        id_token_signed_response_alg="RS256",
    )
    Backend.instance.save(client)
    client.audience = [client]
    Backend.instance.save(client)


async def main() -> None:
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    config = Config()
    config.bind = [f"127.0.0.1:{settings['port']}"]
    config.certfile = settings["cert_file"]
    config.keyfile = settings["key_file"]
    await serve(WsgiToAsgi(app), config, shutdown_trigger=stopping.wait)


asyncio.run(main())
