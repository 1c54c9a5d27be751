/** The agent’s model: a small logistic classifier over words, read from its file. */
import { readFileSync } from 'node:fs'

type Model = { bias: number; weights: Record<string, number> }

/** Probability, from 0 to 1, that a message asks for a meeting. */
export function asksForMeeting(modelFile: string, message: string): number {
  const { bias, weights } = JSON.parse(readFileSync(modelFile, 'utf8')) as Model
  const words = message.toLowerCase().match(/[a-z]+/g) ?? []
  const score = words.reduce((sum, word) => sum + (Object.hasOwn(weights, word) ? (weights[word] ?? 0) : 0), bias)
  return 1 / (1 + Math.exp(-score))
}
