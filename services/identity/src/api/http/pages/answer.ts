/** What a person answered, read from the form of the question. */
import type { AuthorizationDetail } from '@credence/contracts/authority'
import { narrowed } from './authority.ts'
import { type Asked, type Choices, shorter } from './consent.ts'

export type Answer = {
  answer: 'approve' | 'decline'
  choices: Choices
  /** What is to be given: at most what was asked. */
  details: AuthorizationDetail[]
  /** By field. With any of them nothing happens, and the page is shown again with everything as it was ticked. */
  problems: Map<string, string>
}

export function readAnswer(form: URLSearchParams, asked: Asked): Answer {
  const answer = form.get('answer') === 'approve' ? 'approve' : 'decline'
  const seconds = Number(form.get('seconds') ?? asked.lifetimeSeconds)
  const depth = Number(form.get('depth') ?? asked.maximumDepth)
  const choices: Choices = {
    seconds,
    depth,
    ticked: (field, at) => form.getAll(field).includes(String(at)),
    reported: form.get('report') === 'yes',
  }
  const details = narrowed(asked.details, form)
  const problems = new Map<string, string>()
  if (answer === 'approve') {
    if (choices.reported)
      problems.set(
        'answer',
        'You ticked “decline and tell security”, and pressed Approve. Untick it, or press Decline.',
      )
    if (details.length === 0)
      problems.set(
        'answer',
        'Nothing would be given: at least one thing to do and one thing to do it with must be ticked. Or decline.',
      )
    if (!shorter(asked.lifetimeSeconds).includes(seconds)) problems.set('seconds', 'Choose one of these times.')
    if (!Number.isInteger(depth) || depth < 0 || depth > asked.maximumDepth)
      problems.set(asked.maximumDepth > 0 ? 'depth' : 'answer', `Passing on: choose from 0 to ${asked.maximumDepth}.`)
  }
  return { answer, choices, details, problems }
}
