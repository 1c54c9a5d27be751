/** Many questions at once (AuthZEN Authorization API 1.0, evaluations semantics), whatever protocol carries them. */

export const SEMANTICS = ['execute_all', 'deny_on_first_deny', 'permit_on_first_permit'] as const
export type Semantic = (typeof SEMANTICS)[number]

/**
 * In the order asked. A semantic other than all ends with the answer that decides; what comes after is not asked: it would
 * use up what is counted.
 */
export async function askEach<Question, Entry>(
  all: readonly Question[],
  semantic: Semantic,
  one: (question: Question, index: number) => Promise<Entry>,
  isAllow: (entry: Entry) => boolean,
): Promise<Entry[]> {
  if (semantic === 'execute_all') return Promise.all(all.map(one))
  const entries: Entry[] = []
  for (const [index, question] of all.entries()) {
    const entry = await one(question, index)
    entries.push(entry)
    if (isAllow(entry) === (semantic === 'permit_on_first_permit')) break
  }
  return entries
}
