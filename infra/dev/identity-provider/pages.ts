/** The log-in page of the demo company. Plain HTML: works without JavaScript, with a keyboard, and read aloud. */

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.codePointAt(0)};`)

const STYLE = `
:root { color-scheme: light dark; --ink: #1c2430; --paper: #fbfaf7; --line: #c9c5bb; --accent: #0b5c55; --bad: #a3262a }
@media (prefers-color-scheme: dark) { :root { --ink: #ebe8e1; --paper: #171a1f; --line: #444a54; --accent: #6cc7bd; --bad: #ff9b9b } }
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 2rem; background: var(--paper); color: var(--ink);
  font: 1.0625rem/1.55 ui-serif, Georgia, 'Times New Roman', serif }
main { width: min(26rem, 100%) }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 .25rem }
p { margin: 0 0 1.5rem }
label { display: block; font: 600 .9rem/1.4 system-ui, sans-serif; margin-top: 1rem }
input { width: 100%; font: inherit; padding: .6rem .7rem; margin-top: .25rem; color: inherit; background: transparent; border: 1px solid var(--line); border-radius: .3rem }
input:focus-visible, button:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
button { margin-top: 1.5rem; width: 100%; padding: .7rem; font: 600 1rem system-ui, sans-serif; color: var(--paper); background: var(--accent); border: 0; border-radius: .3rem; cursor: pointer }
.problem { color: var(--bad); font-weight: 600 }
footer { margin-top: 2rem; font: .85rem/1.5 system-ui, sans-serif; opacity: .75 }`

/** @param action where the form goes @param problem what went wrong the last time */
export const loginPage = (action: string, application: string, problem?: string): string => `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${problem ? 'Try again: ' : ''}Log in at Acme</title><style>${STYLE}</style></head>
<body><main>
<h1>Acme</h1>
<p>Log in to continue to <strong>${escapeHtml(application)}</strong>.</p>
${problem ? `<p class="problem" role="alert">${escapeHtml(problem)}</p>` : ''}
<form method="post" action="${escapeHtml(action)}" autocomplete="on">
<label for="login">User name</label>
<input id="login" name="login" autocomplete="username" required autofocus maxlength="64">
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required maxlength="200">
<button type="submit">Log in</button>
</form>
<footer>The demo company’s identity provider. Credence never sees your password.</footer>
</main></body></html>`
