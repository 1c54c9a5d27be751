/** Prints the story, a line a step, and stops it when something comes out otherwise than told. */

export type Say = (line: string) => void

export class Otherwise extends Error {}

/** @throws Otherwise */
export function expect(what: string, holds: boolean, seen?: unknown): void {
  if (!holds) throw new Otherwise(`${what}${seen === undefined ? '' : `; seen: ${JSON.stringify(seen)}`}`)
}

const colour = process.stdout.isTTY && !process.env.NO_COLOR
const paint = (code: number, text: string) => (colour ? `\u001b[${code}m${text}\u001b[0m` : text)

export const bold = (text: string) => paint(1, text)
export const dim = (text: string) => paint(2, text)
const MARKS = { done: paint(32, '✓'), denied: paint(33, '✗'), fact: paint(36, '·') }

export function createNarrator(say: Say) {
  let beat = Date.now()
  const line = (mark: keyof typeof MARKS) => (text: string, detail?: string) => {
    const now = Date.now()
    say(`  ${MARKS[mark]} ${text}${detail ? dim(`  ${detail}`) : ''}${dim(`  ${now - beat} ms`)}`)
    beat = now
  }
  return {
    chapter: (title: string) => {
      say('')
      say(bold(title))
      beat = Date.now()
    },
    done: line('done'),
    denied: line('denied'),
    fact: (text: string) => say(`  ${MARKS.fact} ${text}`),
    quote: (text: string) => say(text.replace(/^/gm, '  ')),
  }
}

export type Narrator = ReturnType<typeof createNarrator>
