"""`manor local`: the embedded node."""

import typer

app = typer.Typer(help="A real Kubernetes node on this machine.", no_args_is_help=True)
