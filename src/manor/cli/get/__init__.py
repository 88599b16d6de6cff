"""`manor get`: what is on the cluster, one module a kind of thing."""

import typer

from manor.cli.get import namespaces, queues, tenants, workloads

app = typer.Typer(help="List what is on the cluster.", no_args_is_help=True)
app.command("tenants")(tenants.tenants)
app.command("namespaces")(namespaces.namespaces)
app.command("jobs")(workloads.jobs)
app.command("trainingjobs", hidden=True)(workloads.jobs)  # the kind's own name
app.command("models")(workloads.models)
app.command("queues")(queues.queues)

__all__ = ["app"]
