// The calls to the server.

import { notice } from './elements.js'
import { t } from './words.js'

// What the server refuses comes as a Refusal with its reason, in Korean too where the server knows
// it; no reply at all is a TypeError.
export class Refusal extends Error {
  constructor(status, { error, korean }) {
    super(error)
    this.status = status
    this.korean = korean
  }
}

async function send(path, body, signal) {
  const headers = { 'Content-Type': 'application/json' }
  const asked = body ? { method: 'POST', headers, body: JSON.stringify(body), signal } : {}
  const reply = await fetch(path, asked)
  if (reply.ok) return reply
  const unsaid = { error: reply.statusText }
  throw new Refusal(reply.status, await reply.json().catch(() => unsaid))
}

export async function call(path, body) {
  return (await send(path, body)).json()
}

// Ask again until the server answers: it may be starting again. It keeps a judgement that it hears
// twice once, so nothing is lost and nothing doubled.
export async function insist(path, body, away) {
  for (;;) {
    try {
      const reply = await call(path, body)
      notice('')
      return reply
    } catch (error) {
      if (error instanceof Refusal) throw error
      notice(t(away))
      await new Promise(resolve => setTimeout(resolve, 1000))
    }
  }
}

// A streamed reply, event by event.
export async function* listen(path, body, signal) {
  const reply = await send(path, body, signal)
  const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader()
  let waiting = ''
  try {
    for (;;) {
      const { value, done } = await reader.read()
      if (done) return
      const lines = (waiting + value).split('\n')
      waiting = lines.pop()
      for (const line of lines) {
        const event = JSON.parse(line)
        if (event.error) throw new Refusal(200, event)
        yield event
      }
    }
  } finally {
    reader.cancel().catch(() => {}) // what broke off is cancelled already
  }
}

// The same, until so many answers have come whole: what broke off is asked again, after
// {again: true}, with the notice `away`.
export async function* insistOn(path, body, signal, away, answers = 1) {
  for (;;) {
    let whole = 0
    try {
      for await (const event of listen(path, body, signal)) {
        notice('')
        whole += event.tokens || event.answers ? 1 : 0
        yield event
        if (whole === answers) return
      }
    } catch (error) {
      if (error.name === 'AbortError' || error instanceof Refusal) throw error
    }
    notice(t(away))
    await new Promise(resolve => setTimeout(resolve, 1000))
    signal.throwIfAborted()
    yield { again: true }
  }
}
