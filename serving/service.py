"""The endpoint: ``bentoml serve serving.service:LeadScorer``, or ``scoring-ml serve``."""

from __future__ import annotations

import asyncio
from typing import Final

import bentoml

from scoring_ml.settings import Home
from serving import leads, logs
from serving.api import ParsedRequest, Reply
from serving.gate import ROUTES, Gate
from serving.intake import RequestLimits
from serving.pages import pages
from serving.watcher import ChampionWatcher
from serving.worker import OrphanWatch, WorkerSettings

POLL_SECONDS: Final = 1.0


class GatedService(bentoml.Service):  # type: ignore[misc]  # BentoML is not typed here
    """A BentoML service that is only reached through :class:`serving.gate.Gate`."""

    def to_asgi(self, is_main: bool = True) -> Gate:
        """Return the ASGI application; call it once a process."""
        settings = WorkerSettings()
        logs.configure(quiet=settings.quiet)
        answers = bentoml.metrics.Counter(
            name="scoring_answers_total",
            documentation="Answers by path, status and error code",
            labelnames=["path", "status", "code"],
        )
        for path in ROUTES:
            answers.labels(path=path, status="200", code="ok")

        def count(path: str, status: int, code: str) -> None:
            answers.labels(path=path, status=str(status), code=code).inc()

        limits = RequestLimits(body_bytes=settings.max_body_bytes)
        return Gate(super().to_asgi(is_main), limits=limits, count=count)


@bentoml.asgi_app(pages())
@bentoml.service(
    service_class=GatedService,
    # A server that listens everywhere is a decision; it is made by naming a host.
    http={"host": "127.0.0.1"},
    traffic={"timeout": 60},
    # The gate writes one line for every request, refused ones as well.
    logging={"access": {"enabled": False}},
    metrics={"duration": {"min": 0.0005, "max": 10.0, "factor": 2.0}},
)
class LeadScorer:
    """Scores leads with the champion; one instance in every worker."""

    def __init__(self) -> None:
        settings = WorkerSettings()
        self.max_batch = settings.max_batch
        self.champion = ChampionWatcher(Home(settings.home))
        self._orphan_watch = OrphanWatch(settings.launcher)
        self._watching: asyncio.Task[None] | None = None

    @bentoml.on_startup  # type: ignore[untyped-decorator]
    async def open(self) -> None:
        """Load the champion, then watch for the next one."""
        await asyncio.to_thread(self.champion.refresh)
        self._watching = asyncio.create_task(self._watch())
        self._orphan_watch.watch()

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]
    async def close(self) -> None:
        """Stop watching."""
        self._orphan_watch.stop()
        if self._watching is not None:
            self._watching.cancel()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(POLL_SECONDS)
            await asyncio.to_thread(self.champion.refresh)

    def __is_ready__(self) -> bool:
        """Ready means that a champion is loaded."""
        return self.champion.served is not None

    # On the loop: one lead costs less than handing it to a thread and back.
    @bentoml.api(route="/score")  # type: ignore[untyped-decorator]
    async def score(self, request: ParsedRequest, /) -> Reply:
        """Score one lead."""
        return leads.one(self.champion, request, explain=False)

    @bentoml.api(route="/explain")  # type: ignore[untyped-decorator]
    async def explain(self, request: ParsedRequest, /) -> Reply:
        """Score one lead and give every contribution."""
        return leads.one(self.champion, request, explain=True)

    # In BentoML's thread: a thousand leads take half a second, and probes must not wait.
    @bentoml.api(route="/score_batch")  # type: ignore[untyped-decorator]
    def score_batch(self, request: ParsedRequest, /) -> Reply:
        """Score a list of leads."""
        return leads.many(self.champion, request, most=self.max_batch)
