/** Cedar's decimal: a number with one to four digits after the point, held as a long of ten-thousandths. */
import { type Long, parseLong } from '../long.ts'
import { Extension } from './extension.ts'

export class Decimal extends Extension {
  override readonly type = 'decimal'
  readonly tenThousandths: Long

  constructor(tenThousandths: Long) {
    super()
    this.tenThousandths = tenThousandths
  }

  override get key(): string {
    return `d${this.tenThousandths};`
  }
}

const DECIMAL = /^(-?)([0-9]+)\.([0-9]{1,4})$/

/** Undefined when the text is no decimal or out of range. The sign counts for the fraction too: "-0.5" is negative. */
export function parseDecimal(text: string): Decimal | undefined {
  const [, sign, whole = '', fraction = ''] = DECIMAL.exec(text) ?? []
  if (sign === undefined) return undefined
  const value = parseLong(`${sign}${whole}${fraction.padEnd(4, '0')}`)
  return value === undefined ? undefined : new Decimal(value)
}
