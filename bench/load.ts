import { percentile } from './report.ts'

export type Load = { perSecond: number; p50: number; p99: number }

export const summary = (samples: number[], milliseconds: number): Load => ({
  perSecond: samples.length / (milliseconds / 1000),
  p50: percentile(samples, 0.5),
  p99: percentile(samples, 0.99),
})

/** Keeps `inFlight` calls under way for some seconds. Latencies in milliseconds. */
export async function load(seconds: number, inFlight: number, call: () => Promise<void>): Promise<Load> {
  const samples: number[] = []
  const began = performance.now()
  const until = began + seconds * 1000
  const worker = async () => {
    while (performance.now() < until) {
      const start = performance.now()
      await call()
      samples.push(performance.now() - start)
    }
  }
  await Promise.all(Array.from({ length: inFlight }, worker))
  return summary(samples, performance.now() - began)
}
