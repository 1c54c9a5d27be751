/** Output: JSON for programs, aligned lines for people. */

/** JSON with bigint as number text, bytes as base64 and dates as RFC 3339. */
export const toJson = (value: unknown): string =>
  JSON.stringify(
    value,
    (key, member) => {
      // What a newer server says and this version does not know.
      if (key === '_unknownFields') return undefined
      if (typeof member === 'bigint') return Number.isSafeInteger(Number(member)) ? Number(member) : String(member)
      if (member?.type === 'Buffer') return Buffer.from(member.data).toString('base64')
      return member
    },
    2,
  )

/** `name  value` lines, names padded; empty values are left out. */
export function toLines(rows: [name: string, value: string | undefined][]): string {
  const shown = rows.filter(([, value]) => value)
  const width = Math.max(...shown.map(([name]) => name.length))
  return shown.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`).join('\n')
}

/**
 * Words of others on a terminal: control and direction characters are written out, so that none moves the cursor, hides a
 * word or turns a line around.
 */
export const harmless = (text: string): string =>
  text.replaceAll(/[\p{Cc}\p{Cf}\p{Co}\p{Zl}\p{Zp}]/gu, (one) => `\\u{${(one.codePointAt(0) ?? 0).toString(16)}}`)

export const say = (text: string): void => void process.stdout.write(`${text}\n`)
