/** OpenTelemetry traces. W3C trace context travels in NATS headers and gRPC metadata. */
import { context, propagation, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-grpc'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { AlwaysOffSampler, BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node'

/** Starts tracing; without an endpoint spans have ids (for logs and records) and go nowhere. Call the answer at shutdown. */
export function startTelemetry(service: string, endpoint: string | undefined): () => Promise<void> {
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({ 'service.name': `credence-${service}` }),
    // Without a place to send spans to, none is recorded; ids are still made and passed on.
    sampler: endpoint ? undefined : new AlwaysOffSampler(),
    spanProcessors: endpoint ? [new BatchSpanProcessor(new OTLPTraceExporter({ url: endpoint }))] : [],
  })
  provider.register()
  return () => provider.shutdown()
}

/** The W3C `traceparent` of the active span, if there is one. */
export function currentTraceparent(): string | undefined {
  if (!trace.getActiveSpan()) return undefined
  const carrier: Record<string, string> = {}
  propagation.inject(context.active(), carrier)
  return carrier.traceparent
}

/** Runs `work` in a span that continues `traceparent`. An error marks the span; its text stays out of it. */
export async function traced<T>(
  name: string,
  kind: 'server' | 'client' | 'consumer',
  traceparent: string | undefined,
  work: (span: Span) => Promise<T>,
): Promise<T> {
  const kinds = { server: SpanKind.SERVER, client: SpanKind.CLIENT, consumer: SpanKind.CONSUMER }
  const parent = traceparent ? propagation.extract(context.active(), { traceparent }) : context.active()
  return trace.getTracer('credence').startActiveSpan(name, { kind: kinds[kind] }, parent, async (span) => {
    try {
      return await work(span)
    } catch (error) {
      span.setStatus({ code: SpanStatusCode.ERROR })
      throw error
    } finally {
      span.end()
    }
  })
}
