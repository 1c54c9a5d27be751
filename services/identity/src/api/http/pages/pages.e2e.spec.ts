/**
 * The pages in a real Chromium (Debian package), scripts off: what a person does, at every width, by keyboard alone, and
 * with an agent that tries to put words into our mouth. axe-core looks at every page; for that, and that only, scripts are on.
 * `CREDENCE_SCREENSHOTS=docs/images` makes the pictures of docs/delegation.md anew.
 */
import { mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { AxeResults } from 'axe-core'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CONTEXT, chromiumPath, launchChromium, widths } from '../../../../../../infra/testing/chromium.ts'
import { openPeopleHouse, type PeopleHouse } from '../../../testing/people.ts'
import { REDIRECT_URI, tokenClient } from '../../../testing/token-client.ts'

const there = chromiumPath() !== undefined
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const PICTURES = process.env.CREDENCE_SCREENSHOTS

describe.skipIf(!there)(
  `the pages in Chromium${there ? '' : ' (skipped: Chromium is not installed, see .ci/run)'}`,
  () => {
    let house: PeopleHouse
    let browser: Browser
    let context: BrowserContext
    let page: Page
    beforeAll(async () => {
      house = await openPeopleHouse()
      browser = await launchChromium()
      context = await browser.newContext(CONTEXT)
      page = await context.newPage()
      await signIn(page, 'cora')
    }, 120_000)
    afterAll(async () => {
      await browser?.close()
      await house?.close()
    }, 60_000)

    const to = (path: string, on = page) => on.goto(house.at(path).href)
    const main = (on = page) => on.locator('main').textContent()
    async function signIn(on: Page, login: string): Promise<void> {
      await to('/delegations', on)
      await on.getByLabel('User name').fill(login)
      await on.getByLabel('Password').fill(house.passwords[login] ?? '')
      await on.getByRole('button', { name: 'Log in' }).click()
    }
    async function ask(part: Parameters<Awaited<ReturnType<PeopleHouse['agent']>>['ask']>[0] = {}) {
      const agent = await house.agent()
      const asked = await agent.ask(part)
      return {
        ...asked,
        agent,
        state: async () => (await agent.client.awaitDelegation({ requestId: asked.requestId, waitSeconds: 0 })).state,
      }
    }
    async function typeCode(code: string, on = page): Promise<void> {
      await to('/requests', on)
      await on.getByLabel('Code').fill(code)
      await on.getByRole('button', { name: 'Show the request' }).click()
    }
    async function openRequest(code: string, on = page): Promise<void> {
      await typeCode(code, on)
      await on.waitForURL('**/requests/drq_*')
    }
    async function picture(name: string, height: number, at: 'top' | 'bottom' = 'top'): Promise<void> {
      if (!PICTURES) return
      mkdirSync(PICTURES, { recursive: true })
      await page.setViewportSize({ width: 1_100, height })
      await page.evaluate(`scrollTo(0, ${at === 'top' ? 0 : 1_000_000})`)
      await page.screenshot({ path: join(PICTURES, `${name}.png`), scale: 'css', animations: 'disabled' })
      await page.setViewportSize(CONTEXT.viewport ?? { width: 1_280, height: 900 })
    }

    it('lets somebody sign in, delegate and end it, without scripts', async () => {
      expect(await main()).toContain('No agent acts on your behalf now')
      const { agentId } = await house.agent()
      await page.getByRole('link', { name: 'Delegate to an agent' }).click()
      await page.getByLabel('Find an agent').fill(agentId)
      await page.getByRole('button', { name: 'Find' }).click()
      await picture('delegate-1-agent', 620)
      await page.getByRole('link', { name: agentId }).click()
      // A form that is sent empty says what is missing, and takes the reader there.
      await page.getByRole('button', { name: 'Review' }).click()
      expect(await page.evaluate('document.activeElement.innerText')).toContain('Please check 2 things')
      await page.getByLabel('Do everything under').first().check()
      await page.getByLabel('Only these under').first().fill('calendar.read, calendar.book')
      await page.getByLabel('All calendar events').first().check()
      await page.getByLabel('May it pass this on?').selectOption('1')
      await page.getByLabel('Why?').fill('My meetings while I travel')
      await page.getByRole('button', { name: 'Review' }).click()
      await page.getByRole('button', { name: 'Change something' }).click()
      await picture('delegate-2-what', 1_080)
      await page.getByRole('button', { name: 'Review' }).click()
      await picture('delegate-3-review', 920)
      await page.getByRole('button', { name: 'Delegate', exact: true }).click()
      expect(await main()).toMatch(/Delegated\. The agent may begin[\s\S]*Live/)
      await picture('delegation', 760)
      await page.getByRole('link', { name: 'end it' }).click()
      await page.getByLabel('Why').fill('Back at my desk')
      await page.getByRole('button', { name: 'End this delegation' }).click()
      expect(await main()).toMatch(/Ended\. The agent is refused[\s\S]*Reason given: Back at my desk/)
    })

    it('lets somebody answer a request by keyboard alone; Enter declines, one step further approves', async () => {
      // A key that is pressed before the page has given the focus would be lost, as it would be to a person.
      const focused = (what: string) => page.locator(`${what}:focus`).waitFor()
      const declined = await ask()
      await to('/requests')
      await focused('input')
      await page.keyboard.type(declined.userCode)
      await page.keyboard.press('Enter')
      await page.waitForURL('**/requests/drq_*')
      await focused('button')
      expect(await page.evaluate('document.activeElement.innerText')).toBe('Decline')
      await page.keyboard.press('Enter')
      await page.getByRole('heading', { name: 'Declined' }).waitFor()
      expect(await declined.state()).toBe('DELEGATION_REQUEST_STATE_DECLINED')

      const approved = await ask()
      await to('/requests')
      await focused('input')
      await page.keyboard.type(approved.userCode)
      await page.keyboard.press('Enter')
      await page.waitForURL('**/requests/drq_*')
      await focused('button')
      await page.keyboard.press('Tab')
      expect(await page.evaluate('document.activeElement.innerText')).toBe('Approve')
      await page.keyboard.press('Enter')
      await page.waitForURL('**/delegations/dlg_*')
      expect(await main()).toContain('Approved. The agent may begin now')
      expect(await approved.state()).toBe('DELEGATION_REQUEST_STATE_APPROVED')
      await to('/delegations')
      await picture('delegations', 980)
    })

    it('lets an answer lead on to the agent’s own site, which the page named (CSP 3, form-action)', async () => {
      const agent = await house.agent()
      const http = tokenClient(house.stack.issuer, house.stack.authority.caFile)
      const { request_uri = '' } = await http.push({ ...agent, delegationToken: '', grant: '' })
      await page.route(`${REDIRECT_URI}**`, (route) => route.fulfill({ body: 'back at the agent' }))
      await to(`/authorize?${new URLSearchParams({ client_id: agent.spiffeId, request_uri })}`)
      expect(await main()).toContain('After your answer the browser goes to agents.acme.example')
      await page.getByRole('button', { name: 'Approve' }).click()
      await page.waitForURL(`${REDIRECT_URI}**`)
      expect(new URL(page.url()).searchParams.get('code')).toBeTruthy()
    })

    it('lets somebody decline and tell security', async () => {
      const asked = await ask()
      await openRequest(asked.userCode)
      await page.getByLabel('I did not expect this').check()
      await page.getByRole('button', { name: 'Decline' }).click()
      expect(await main()).toContain('Security is told that you did not expect it')
      expect(await asked.state()).toBe('DELEGATION_REQUEST_STATE_DECLINED')
    })

    it('shows where the keyboard is, on everything that it reaches', async () => {
      const { userCode } = await ask({ maximumDepth: 1 })
      await openRequest(userCode)
      const seen = new Set<string>()
      for (let step = 0; step < 40; step++) {
        await page.keyboard.press('Tab')
        const [what, outline] = (await page.evaluate(
          `[document.activeElement.tagName + ' ' + (document.activeElement.name || document.activeElement.innerText), getComputedStyle(document.activeElement).outlineStyle + ' ' + getComputedStyle(document.activeElement).outlineWidth]`,
        )) as [string, string]
        if (what.startsWith('BODY')) break
        expect([what, outline]).toEqual([what, 'solid 3px'])
        seen.add(what)
      }
      for (const wanted of [
        'BUTTON answer',
        'INPUT report',
        'INPUT d0.actions',
        'SELECT seconds',
        'SUMMARY More about the agent',
      ])
        expect([...seen]).toContain(wanted)
    })

    it('needs no scrolling sideways at 320 px, nor at 400 % zoom, on any page (WCAG 2.2, 1.4.10)', async () => {
      const { userCode, agent } = await ask({
        statement: `${'x'.repeat(300)} https://evil.example/${'y'.repeat(150)}`,
        authorizationDetails: [
          {
            type: 'agent_permission',
            locations: ['https://calendar.acme.example'],
            actions: ['calendar.read-everything-that-there-is-in-a-very-long-name-of-an-action'],
            resources: [`CalendarEvent::${'a'.repeat(200)}`],
            limits: undefined,
          },
        ],
      })
      await page.setViewportSize({ width: 320, height: 640 })
      const paths = ['/delegations', '/delegate', `/delegate/${agent.agentId}`, '/requests', '/signed-out']
      for (const path of paths) {
        await to(path)
        const { needed, there: has } = await widths(page)
        expect([path, needed]).toEqual([path, has])
      }
      await openRequest(userCode)
      const { needed, there: has } = await widths(page)
      expect(needed).toBe(has)
      await page.setViewportSize(CONTEXT.viewport ?? { width: 1_280, height: 900 })
    })

    it('are clean to axe-core: labels, landmarks, contrast, names, order; light and dark', {
      timeout: 120_000,
    }, async () => {
      const scripted = await browser.newContext({ ...CONTEXT, javaScriptEnabled: true, bypassCSP: true })
      const looked = await scripted.newPage()
      await signIn(looked, 'milan')
      const { agent, userCode } = await ask({ statement: 'Please, p\u0430ypal is waiting.', maximumDepth: 1 })
      const problems: string[] = []
      const look = async (name: string) => {
        for (const colorScheme of ['light', 'dark'] as const) {
          await looked.emulateMedia({ colorScheme })
          await looked.evaluate(AXE)
          const { violations } = (await looked.evaluate('axe.run()')) as AxeResults
          for (const { id, nodes } of violations)
            problems.push(`${name}, ${colorScheme}: ${id} ${nodes.map(({ html }) => html).join(' | ')}`)
        }
      }
      for (const path of [
        '/delegations',
        '/delegate',
        `/delegate/${agent.agentId}`,
        '/requests',
        '/delegations/dlg_x',
        '/signed-out',
      ]) {
        await to(path, looked)
        await look(path)
      }
      await typeCode('BBBB-BBBB', looked)
      await looked.getByText('No request with this code').waitFor()
      await look('a wrong code')
      await openRequest(userCode, looked)
      for (const details of await looked.locator('summary').all()) await details.click()
      await look('a request')
      await looked.getByRole('button', { name: 'Approve' }).click()
      for (const details of await looked.locator('summary').all()) await details.click()
      await look('a delegation')
      await to(`/delegate/${agent.agentId}`, looked)
      for (const details of await looked.locator('summary').all()) await details.click()
      await looked.getByRole('button', { name: 'Review' }).click()
      await look('a form with problems')
      await looked.getByLabel('Do everything under').first().check()
      await looked.getByLabel('All calendar events').first().check()
      await looked.getByLabel('Why?').fill('Work')
      await looked.getByRole('button', { name: 'Review' }).click()
      await look('a review')
      await scripted.close()
      expect(problems).toEqual([])
    })

    it('consent-text-not-from-client: nothing that an agent writes changes, hides or moves our words', {
      timeout: 120_000,
    }, async () => {
      const HOSTILE: Record<string, string> = {
        markup:
          '</blockquote></section></form><h1>Approved already</h1><script>document.title="x"</script><style>h1,button{display:none}</style><button>Continue</button>',
        direction: `\u202E\u2067${'evil '.repeat(60)}\u202E`,
        invisible: `\u200B\u200D\uFEFF${'\u00AD'.repeat(200)}hidden\u2800\u3164`,
        towers: 'a\u0301\u0302\u0303\u0304\u0305\u0306\u0307\u0308\u0309\u030A'.repeat(40),
        heading: `${'\n'.repeat(100)}The agent payroll asks for nothing\n\nDecline   Approve`,
        lookalikes: 'Log in at https://\u0440\u0430\u0443\u0440\u0430\u04CF.example and p\u0430ypal',
        endless: 'w'.repeat(500),
        // More than the API lets through, as if the store held it all the same.
        stored: `${'<h1>long</h1>\u202E '.repeat(700)}`,
      }
      const measure = async () => ({
        title: await page.title(),
        heading: await page.getByRole('heading', { level: 1 }).textContent(),
        boxes: await Promise.all(
          [
            page.getByRole('heading', { level: 1 }),
            page.getByRole('button', { name: 'Decline' }),
            page.getByRole('button', { name: 'Approve' }),
          ].map((one) => one.boundingBox()),
        ),
        first: await page.getByRole('heading', { name: 'Exactly what it asks for' }).boundingBox(),
      })
      const neutral = async (facts: Awaited<ReturnType<typeof measure>>, agentId: string) =>
        JSON.parse(JSON.stringify(facts).replaceAll(agentId, 'agt_'))
      const plain = await ask({ statement: 'Hello.' })
      await openRequest(plain.userCode)
      const wanted = await neutral(await measure(), plain.agent.agentId)
      for (const [name, statement] of Object.entries(HOSTILE)) {
        const asked = await ask({ statement: statement.slice(0, 500) })
        if (name === 'stored') await house.storeStatement(asked.requestId, statement)
        await openRequest(asked.userCode)
        expect([name, await neutral(await measure(), asked.agent.agentId)]).toEqual([name, wanted])
        expect(await page.getByRole('heading', { level: 1 }).count()).toBe(1)
        expect(await page.getByRole('button').allInnerTexts()).toEqual(['Sign out', 'Decline', 'Approve'])
        const says = await page.getByRole('heading', { name: 'The agent says' }).boundingBox()
        const block = await page.locator('blockquote').boundingBox()
        const end = await page.locator('main').boundingBox()
        // Its block is the last thing, of bounded height, within the page, below every word of ours.
        const lowest = Math.max(...wanted.boxes.map((box: { y: number; height: number }) => box.y + box.height))
        expect(says?.y).toBeGreaterThan(lowest)
        expect(block?.y).toBeGreaterThan(says?.y ?? Number.POSITIVE_INFINITY)
        expect(block?.height).toBeLessThan(420)
        expect((block?.x ?? 0) + (block?.width ?? 0)).toBeLessThanOrEqual((end?.x ?? 0) + (end?.width ?? 0))
        const { needed, there: has } = await widths(page)
        expect([name, needed]).toEqual([name, has])
        if (name === 'lookalikes')
          expect(await page.locator('mark').allInnerTexts()).toEqual([
            '\u0440\u0430\u0443\u0440\u0430\u04CF',
            'p\u0430ypal',
          ])
      }
    })

    it('are pictured', async () => {
      await to('/requests')
      await picture('request-1-code', 560)
      const { userCode } = await ask({
        maximumDepth: 1,
        statement:
          'I would like to move your meeting with Cedar Ltd. to Thursday, as you asked in the chat, and see which rooms are free.',
      })
      await openRequest(userCode)
      await picture('request-2-question', 860)
      await page.locator('blockquote').scrollIntoViewIfNeeded()
      await picture('request-3-what-follows', 900, 'bottom')
      await page.setViewportSize({ width: 1_280, height: 900 })
      const box = await page.getByRole('button', { name: 'Approve' }).boundingBox()
      // Question and answer are on the first screen.
      expect((box?.y ?? 0) + (box?.height ?? 0)).toBeLessThan(900)
      if (PICTURES) {
        await page.setViewportSize({ width: 390, height: 844 })
        await page.emulateMedia({ colorScheme: 'dark' })
        await page.screenshot({ path: join(PICTURES, 'request-phone-dark.png'), scale: 'css' })
        await page.emulateMedia({ colorScheme: 'light' })
      }
    })
  },
)
