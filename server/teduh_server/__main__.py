"""`python -m teduh_server` is `teduh`."""

from teduh_server.cli.main import app

app()
