/** The last line of a test run: `N passed, N failed, N skipped`. A file that cannot be loaded counts as one failure. */
import type { Reporter, SerializedError, TestModule } from 'vitest/node'

export default class LastLine implements Reporter {
  onTestRunEnd(modules: ReadonlyArray<TestModule>, errors: ReadonlyArray<SerializedError>): void {
    let passed = 0
    let failed = errors.length
    let skipped = 0
    for (const module of modules) {
      let tests = 0
      for (const test of module.children.allTests()) {
        tests++
        const { state } = test.result()
        if (state === 'passed') passed++
        else if (state === 'failed') failed++
        else skipped++
      }
      if (module.state() === 'failed' && (tests === 0 || module.errors().length > 0)) failed++
    }
    // After whatever the other reporters still write.
    process.on('exit', () => process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`))
  }
}
