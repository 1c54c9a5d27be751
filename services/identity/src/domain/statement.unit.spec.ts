/** Unicode TR 36, UTS 39: what an agent writes, before a person sees it. */
import { describe, expect, it } from 'vitest'
import { harmless, runsOf } from './statement.ts'

const marked = (text: string) => runsOf(text).flatMap(({ text: run, warning }) => (warning ? [[run, warning]] : []))

describe('somebody else’s words', () => {
  it('are one paragraph: lines, tabs and many blanks are single spaces', () => {
    expect(harmless('  a\r\n\r\n\tb\u2028c\u00a0\u3000d  ')).toBe('a b c d')
  })
  it('cannot turn the direction of a line', () => {
    const turned = 'pay \u202E00.1 RUE\u202C, \u2066now\u2069 \u200F\u061C!'
    expect(harmless(turned)).toBe('pay 00.1 RUE, now !')
  })
  it('hold nothing that is not seen', () => {
    expect(
      harmless(
        'a\u200B\u200D\uFEFF\u00AD\u2060\u180E\u{E0041}\u{E0001}\u034F\uFE0F\u3164\u115F\u2800b\u0000\u0007\u001b[31m',
      ),
    ).toBe('ab[31m')
  })
  it('do not tower over other lines', () => {
    const tower = `a${'\u0301'.repeat(50)}b`
    expect(harmless(tower)).toBe('a\u0301\u0301b')
  })
  it('are cut at 500 characters, however long they are and whatever they are made of', () => {
    expect([...harmless('x'.repeat(10_000))]).toHaveLength(500)
    expect(harmless('x'.repeat(10_000)).endsWith('x…')).toBe(true)
    expect([...harmless('😀'.repeat(10_000))]).toHaveLength(500)
    expect(harmless('\u200B'.repeat(100_000))).toBe('')
  })
  it('keep what people write: accents, other alphabets, emoji', () => {
    for (const text of ['Zoë’s naïve café', 'Привет, мир', '会議を予約します', '회의 예약', 'שלום', '👍 ok', 'α and β'])
      expect([harmless(text), marked(text)]).toEqual([text, []])
  })
  it('are marked where a word mixes alphabets', () => {
    expect(marked('see https://p\u0430ypal.example/pay')).toEqual([['p\u0430ypal', 'mixes Latin and Cyrillic letters']])
    expect(marked('Αpprove')).toEqual([['Αpprove', 'mixes Latin and Greek letters']])
  })
  it('are marked where a whole word is of letters that look like others', () => {
    expect(marked('log in at \u0430\u0441\u0441\u0435\u0455\u0455 now')).toEqual([
      ['\u0430\u0441\u0441\u0435\u0455\u0455', 'is written in Cyrillic letters that look like Latin ones'],
    ])
    expect(marked('𝐀𝐩𝐩𝐫𝐨𝐯𝐞 it, Ａｐｐｒｏｖｅ')).toEqual([
      ['𝐀𝐩𝐩𝐫𝐨𝐯𝐞', 'is written in look-alike characters'],
      ['Ａｐｐｒｏｖｅ', 'is written in look-alike characters'],
    ])
  })
  it('lose nothing else: the runs together are the text', () => {
    const text = 'a p\u0430ypal, b <script>alert(1)</script> "c" & d'
    expect(
      runsOf(text)
        .map(({ text: run }) => run)
        .join(''),
    ).toBe(text)
  })
})
