"""Traces: one per interaction, carried through the log by `traceparent` (W3C Trace Context)."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, TraceFlags

from runtime.settings import Settings
from schemas.envelope import Event

_tracer = trace.get_tracer("payvand")
MAX_LINKS = 100


def configure(settings: Settings, service: str) -> None:
    """Export spans to an OTLP endpoint, when one is set; otherwise only ids are carried on."""
    if not settings.otlp_endpoint:
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - costs memory
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    provider = TracerProvider(resource=Resource.create({"service.name": f"payvand-{service}"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=settings.otlp_endpoint)))
    trace.set_tracer_provider(provider)


def traceparent() -> str | None:
    """The present span in W3C form, or None outside any span."""
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"


def parse(value: str | None) -> SpanContext | None:
    """A `traceparent` header as a span context; None when absent or malformed."""
    try:
        _, trace_id, span_id, flags = (value or "").split("-")
        return SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16)))
    except ValueError:
        return None


@contextmanager
def span(name: str, parent: str | None = None) -> Iterator[None]:
    """A span, as the child of a remote one when `parent` names it."""
    remote = parse(parent)
    context = trace.set_span_in_context(NonRecordingSpan(remote)) if remote else None
    with _tracer.start_as_current_span(name, context=context):
        yield


@contextmanager
def batch_span(name: str, events: Sequence[Event[Any]]) -> Iterator[None]:
    """One span for a batch, linked to the traces of its events (at most 100)."""
    contexts = (parse(event.envelope.traceparent) for event in events[:MAX_LINKS])
    with _tracer.start_as_current_span(name, links=[Link(context) for context in contexts if context]):
        yield
