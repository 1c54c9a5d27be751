/**
 * Policy text whose integer literals survive cedar-wasm. Its policyToJson hands them over as JavaScript numbers, so
 * 9007199254740993 arrives as …992. Each literal past 2^53 − 1 is written as arithmetic on smaller ones, which means
 * the same to Cedar, and which the engine folds back into the one exact literal.
 */

const TOKEN = /\s+|\/\/[^\n]*|"(?:[^"\\]|\\.)*"|[A-Za-z_][A-Za-z0-9_]*|[0-9]+|./gs
const HALF = 2n ** 32n
const LIMIT = 2n ** 63n
/** Words after which a minus has no left operand. */
const KEYWORDS = new Set(['if', 'then', 'else', 'in', 'has', 'like', 'is', 'when', 'unless'])

/** @returns the text itself when it holds no such literal; what Cedar does not parse, it does not parse either way */
export function withExactLongs(policyText: string): string {
  if (!/[0-9]{16}/.test(policyText)) return policyText
  const output: string[] = []
  /** Places in the output of the last two tokens that are no space and no comment. */
  let [last, secondLast] = [-1, -1]
  for (const [token] of policyText.matchAll(TOKEN)) {
    if (/^\s|^\/\//.test(token)) {
      output.push(token)
      continue
    }
    const value = /^[0-9]{16,}$/.test(token) ? BigInt(token) : 0n
    if (value > BigInt(Number.MAX_SAFE_INTEGER) && value < LIMIT)
      output.push(`(${value / HALF} * ${HALF} + ${value % HALF})`)
    else if (value === LIMIT && output[last] === '-' && !endsOperand(output[secondLast])) {
      // 2^63 exists only together with its minus.
      output[last] = ''
      output.push(`(-${LIMIT / HALF} * ${HALF})`)
    } else output.push(token)
    ;[secondLast, last] = [last, output.length - 1]
  }
  return output.join('')
}

const endsOperand = (token: string | undefined): boolean =>
  token !== undefined && /[\w)\]}"]$/.test(token) && !KEYWORDS.has(token)
