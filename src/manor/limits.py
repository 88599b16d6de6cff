"""Every time-out, pause and bound, once: how long Manor waits, how often it tries, how much it
reads.

Each is read where and when it applies, as `limits().kube.page`. `override` gives others to what
runs inside its block.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any

Seconds = float
Bytes = int
Number = int


@dataclass(frozen=True)
class Kube:
    """Requests to the API server."""

    connect: Seconds = 10.0
    """Until a connection stands."""
    request: Seconds = 60.0
    """For one request and its whole answer."""
    backoff: tuple[Seconds, ...] = (0.2, 0.5, 1.0, 2.0)
    """Before each retry; a Retry-After header goes before it."""
    retry_after: Seconds = 30.0
    """That a Retry-After header may ask for."""
    connect_retries: Number = 2
    """Retries where no connection came to be."""
    concurrency: Number = 64
    """Requests in flight."""
    page: Number = 500
    """Objects that one list request asks for."""
    answer: Bytes = 64 * 2**20
    """That are read of one answer, or of one line of a watch; an object has 3 MiB at most."""
    message: Bytes = 2**20
    """In one message of a websocket; the kubelet sends 32 KiB."""
    watch: Seconds = 60.0
    """Until a watch is asked for anew."""
    watch_grace: Seconds = 10.0
    """That a watch may outlive the time-out it asked the server for."""
    watch_pause: Seconds = 0.2
    """Before a broken watch is asked for anew, at the most; each further pause is twice as long."""
    watch_pause_longest: Seconds = 15.0
    """The longest of these pauses."""
    follow: Seconds = 1800.0
    """Until a log that is followed is asked for anew."""
    command: Seconds = 30.0
    """For a command run in a container."""
    command_output: Bytes = 4 * 2**20
    """That are read of what a command writes."""
    port: Seconds = 10.0
    """For what a port of a pod holds."""
    page_answer: Seconds = 3.0
    """For what a server of the platform's own tells of itself."""
    credentials: Seconds = 60.0
    """After which credentials are asked for anew; a plugin's own expiry is honoured too."""


@dataclass(frozen=True)
class Apply:
    """Applying and deleting objects."""

    ready: Seconds = 300.0
    """Until all that was applied is ready."""
    ready_poll: Seconds = 0.2
    """Between the first two looks at what is not ready; each further pause is half as long
    again."""
    ready_poll_longest: Seconds = 2.0
    """The longest of these pauses."""
    gone: Seconds = 300.0
    """Until all that was deleted is gone."""
    gone_poll: Seconds = 0.5
    """Between two looks at what is still there."""
    enforced: Seconds = 60.0
    """Until the API server acts by an admission policy just written; about one is usual."""
    established: Seconds = 30.0
    """Until the kind of a new CustomResourceDefinition is served."""
    leaving: Seconds = 10.0
    """That an object already being deleted (a finished Job, by its time to live) may take until it
    is gone."""
    poll: Seconds = 0.1
    """Between two looks at one of these three."""
    retry: Seconds = 10.0
    """For which what the server cannot do yet, but soon will, is tried again."""
    counted: Seconds = 60.0
    """For which what is refused since a quota does not count its kind yet is tried again."""
    retry_pause: Seconds = 0.1
    """Before the first of these retries; each further pause is half as long again."""
    retry_pause_longest: Seconds = 1.0
    """The longest of these pauses."""


@dataclass(frozen=True)
class Rollout:
    """Applying many sets of objects."""

    sets: Number = 32
    """Sets that are applied at a time: waves make one wait, and others fill the gap."""
    counted: Seconds = 360.0
    """Until the quotas count new kinds: one full resync of the quota controller, and its look for
    new kinds."""
    counted_poll: Seconds = 1.0
    """Between two looks at them."""
    made: Seconds = 360.0
    """Until the operator has made what was stored; the quotas may have to count new kinds first."""
    routed: Seconds = 5.0
    """Until a gateway has taken up a route whose Services change."""
    routed_poll: Seconds = 0.2
    """Between two looks at that."""
    proxied: Seconds = 2.0
    """That its proxies then have, to hear of it."""
    rests: Seconds = 10.0
    """Until the operator says that it leaves alone what is to be deleted."""
    rests_poll: Seconds = 0.2
    """Between two looks at that."""
    log_lines: Number = 5
    """Of a container's log, from its end, among which the last that says something is looked
    for."""
    log: Bytes = 2**18
    """That are read of these lines."""
    claims: Number = 5
    """Volume claims of a pod that are looked at for why it does not start."""


@dataclass(frozen=True)
class Verify:
    """The checks of `manor verify`."""

    check: Seconds = 240.0
    """For one check and one pair of tenants."""
    concurrency: Number = 24
    """Checks that run at once; each sends several requests."""
    dry_run_pairs: Number = 24
    """Pairs that run each dry-run check: others for each check, so that together they cover all
    tenants."""
    live_pairs: Number = 8
    """Pairs that run the live checks; each needs two probe pods."""
    cells: Number = 3000
    """SubjectAccessReviews of the whole matrix of rights, over all pairs and roles; of more, an
    even part is asked."""
    standing: Number = 200
    """Objects of a tenant that are tried against the policies; each is a request."""
    probe_start: Seconds = 120.0
    """Until a probe pod is ready."""
    probe_answer: Seconds = 60.0
    """Until a probe has tried all its targets."""
    account: Seconds = 10.0
    """Until a new namespace has its service account."""
    seen: Seconds = 10.0
    """Until a controller has seen a new route."""
    answers: Seconds = 60.0
    """Until a new route answers."""
    mounted: Seconds = 20.0
    """Until a pod that mounts another's claim says that it finds none."""
    released: Seconds = 60.0
    """Until a volume is gone with its claim."""
    removed: Seconds = 90.0
    """Until all that a run made is gone."""
    poll: Seconds = 0.5
    """Between two looks at any of these."""


@dataclass(frozen=True)
class Infra:
    """Pulumi programs."""

    requests_per_second: Number = 500
    """To the API server, of the Kubernetes provider: its own default is far below what a server
    with Priority and Fairness takes."""
    burst: Number = 1000
    """Requests that may come at once."""
    parallel: Number = 32
    """Resources that are worked on at a time. Pulumi's default is four times the cores, at most 16
    where measured."""
    retries: Number = 14
    """Of what the API server refuses only for a moment: about ten seconds."""
    retry_pause: Seconds = 0.1
    """Before the first of these retries; each further pause is twice as long."""
    retry_pause_longest: Seconds = 1.0
    """The longest of these pauses."""
    quota: Seconds = 600.0
    """Until a new ResourceQuota counts. Its controller counts kinds that are newer than itself at
    its next full look, every 5 minutes."""


@dataclass(frozen=True)
class Install:
    """Installing Tools."""

    download: Seconds = 60.0
    """Without a byte of a download."""


@dataclass(frozen=True)
class Local:
    """The embedded node."""

    start: Seconds = 120.0
    """Until the node's components are ready."""
    start_poll: Seconds = 0.1
    """Between two looks at them."""
    restarts: Number = 6
    """Of a component that is not ready yet, after which a start is given up."""
    addons: Seconds = 180.0
    """Until the add-ons are ready, and then until the gateway answers."""
    addons_poll: Seconds = 0.2
    """Between two questions to the gateway."""
    probe: Seconds = 5.0
    """For one question to a component."""
    restart_pause: Seconds = 0.5
    """Before a component that ended is started again; each further pause is twice as long."""
    restart_pause_longest: Seconds = 30.0
    """The longest of these pauses."""
    restart_forgiven: Seconds = 60.0
    """For which a component runs until the pauses begin anew."""
    stop: Seconds = 15.0
    """Until all processes of a node have ended."""
    stop_component: Seconds = 5.0
    """Until a component ends by itself, then until it is killed, and then until its control groups
    are empty."""
    stop_poll: Seconds = 0.02
    """Between two looks at processes that end."""
    log: Bytes = 16 * 2**20
    """Of a component's log; one older part is kept beside it."""
    log_poll: Seconds = 30.0
    """Between two looks at the logs."""
    look_again: Seconds = 60.0
    """Until the housekeeper looks at all volumes again, whatever it was told meanwhile."""
    volumes_pause: Seconds = 1.0
    """Before it asks for news of volumes again."""
    forwarding: Seconds = 5.0
    """Between two looks at for whom DNS forwards."""
    identities: Seconds = 300.0
    """That an identity of Cilium may be unused: it is made some moments before the first endpoint
    that has it."""
    download: Seconds = 30.0
    """Without a byte of a download."""
    downloads: Number = 3
    """Connections that a download may take."""
    pull: Seconds = 60.0
    """For the public base image, before one is made of Debian's packages."""
    compile_told: Seconds = 10.0
    """Between signs of life while one program is compiled."""
    images_kept: Seconds = 7 * 24 * 3600.0
    """That an archive of older content is kept after its last use."""


@dataclass(frozen=True)
class Operator:
    """The operator."""

    sets: Number = 32
    """Specs that are made so at a time."""
    batch: Number = 64
    """Specs that are planned at a time: checking many against all others costs what one does."""
    retry: Seconds = 1.0
    """Before what failed is tried again; each further pause is twice as long."""
    retry_longest: Seconds = 300.0
    """The longest of these pauses."""
    look: Seconds = 5.0
    """Between two looks at a workload that waits for what tells nobody."""
    gone: Seconds = 10.0
    """That one try of a deletion waits until all is gone."""
    tools: Seconds = 60.0
    """Between two looks for Tools that are turned on and not installed."""
    roll_out: Seconds = 1.0
    """Between two steps of a roll-out: the tenants that stand well count, and their number is
    told."""
    usage: Seconds = 15.0
    """Between two looks at what tenants use of their budgets."""
    account: Seconds = 600.0
    """Between two writes of a tenant's account of what it used."""
    account_late: Seconds = 90.0
    """By which it stays behind: so late may be heard, of a watch that broke, that something
    ended."""
    asked: Seconds = 0.5
    """Between two looks at what models are asked that follow it; a request to one without a replica
    waits for the next."""
    asked_mean: Seconds = 15.0
    """Over which requests that are there at once are averaged."""
    asked_less: Seconds = 300.0
    """For which fewer replicas must do before there are fewer, as of a HorizontalPodAutoscaler."""
    judged: Seconds = 2.0
    """Between two looks at what canaries that are judged answer."""
    verify: Seconds = 3600.0
    """Between two runs of the checks of isolation over everything."""
    verify_after: Seconds = 1.0
    """From a change until the checks look at it: others may come with it."""
    verify_idle: Seconds = 30.0
    """That the checks let specs go first, if these do not come to an end."""
    verify_told: Number = 50
    """Tenants that the report names, of each check that something was found by."""
    events: Number = 1000
    """Events that wait to be written; more are not told. So many are remembered at least."""
    event_again: Seconds = 3600.0
    """Before the same event is told again."""
    lease: Seconds = 15.0
    """For which a leader that is not heard of keeps its place."""
    lease_renew: Seconds = 10.0
    """Within which a leader renews its lease, or gives up its place."""
    lease_poll: Seconds = 2.0
    """Between two looks at the lease."""


@dataclass(frozen=True)
class Jobs:
    """Runs: their code, logs and files."""

    poll: Seconds = 0.5
    """Between two looks at a run that is followed."""
    start: Seconds = 180.0
    """Until the pod that carries files runs."""
    carry: Seconds = 3600.0
    """That such a pod may live; what it left undone goes on in another."""
    block: Bytes = 2**16
    """Of a file that are sent at a time."""
    half_open: Seconds = 5.0
    """That a connection to a port of a pod may last once nobody speaks into it any more."""
    stop: Seconds = 60.0
    """Until a workspace that was told to stop has ended."""
    queue: Seconds = 24 * 3600.0
    """Until a workspace that was started answers; it may wait in a queue."""
    look: Seconds = 15.0
    """Between two looks at whether a workspace that is open runs still."""
    reconnects: Number = 5
    """Breaks of a connection, one after the other, after which it is given up."""


@dataclass(frozen=True)
class Cli:
    """The command line."""

    specs: Bytes = 64 * 2**20
    """That are read of one file of specs, or of standard input."""
    up: Seconds = 600.0
    """Until all that `manor up` applied is ready."""
    predict: Seconds = 30.0
    """For a model's prediction."""
    keys: Seconds = 30.0
    """Until the gateway takes the keys of a Model that were changed."""
    keys_poll: Seconds = 0.1
    """Between two looks at that."""
    completion: Seconds = 2.0
    """That a person waits after pressing Tab."""
    watch_pause: Seconds = 1.0
    """Between two looks of `manor get -w`, however much changes."""
    watch_poll: Seconds = 5.0
    """Between two looks of it where the server does not tell what changes."""


@dataclass(frozen=True)
class Limits:
    """All of them, by the layer that they bound."""

    kube: Kube = field(default_factory=Kube)
    apply: Apply = field(default_factory=Apply)
    rollout: Rollout = field(default_factory=Rollout)
    verify: Verify = field(default_factory=Verify)
    infra: Infra = field(default_factory=Infra)
    install: Install = field(default_factory=Install)
    local: Local = field(default_factory=Local)
    operator: Operator = field(default_factory=Operator)
    jobs: Jobs = field(default_factory=Jobs)
    cli: Cli = field(default_factory=Cli)


_current: ContextVar[Limits] = ContextVar("limits", default=Limits())  # noqa: B039 - frozen


def limits() -> Limits:
    """Those that hold here."""
    return _current.get()


@contextmanager
def override(**groups: Any) -> Iterator[None]:
    """`with override(kube=Kube(page=2)):` these hold inside the block, in each task that is started
    there."""
    token = _current.set(replace(_current.get(), **groups))
    try:
        yield
    finally:
        _current.reset(token)
