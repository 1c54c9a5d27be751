/** A problem as the answer of `node:http`. */
import type { ServerResponse } from 'node:http'
import { bodyOf, headersOf, type Problem } from '@credence/shared/access-token/problem'

export type { Problem }

export function answerProblem(response: ServerResponse, problem: Problem): void {
  response.statusCode = problem.status
  for (const [name, value] of headersOf(problem)) response.setHeader(name, value)
  response.end(bodyOf(problem))
}
