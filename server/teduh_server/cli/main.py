"""The entry point `teduh`."""

from __future__ import annotations

import typer

from teduh_server.cli.demo import demo
from teduh_server.cli.directory import directory_app
from teduh_server.cli.doctor import doctor
from teduh_server.cli.org import org_app
from teduh_server.cli.push_key import push_key
from teduh_server.cli.serve import serve

app = typer.Typer(
    help="Teduh: encrypted conversations between survivors of violence and those who help.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)
app.command()(serve)
app.command()(demo)
app.command()(doctor)
app.command()(push_key)
app.add_typer(directory_app, name="directory")
app.add_typer(org_app, name="org")
