// The frame of the page: tabs, language, the calls to the server. Talk and Compare are in talk.js,
// Label in label.js.

import { t, speak, language } from './words.js'
import { openTalk, showChoices } from './talk.js'
import { openLabel, showLabel } from './label.js'

export const $ = id => document.getElementById(id)

// An element with attributes and children; text is only ever set as text.
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value)
    else if (value !== null) element.setAttribute(name, value)
  }
  element.append(...children)
  return element
}

export function notice(text) {
  $('notice').textContent = text
  $('notice').hidden = !text
}

// What the server refuses comes as a Refusal with its reason; no reply at all is a TypeError.
export class Refusal extends Error {
  constructor(status, reason) {
    super(reason)
    this.status = status
  }
}

export async function call(path, body, signal) {
  const asked = body === undefined ? {} : {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body),
  }
  const reply = await fetch(path, { ...asked, signal })
  if (!reply.ok) {
    const { error, detail } = await reply.json().catch(() => ({}))
    throw new Refusal(reply.status, error || detail || reply.statusText)
  }
  return reply
}

// A streamed reply: `heard` gets each event as it comes.
export async function listen(path, body, heard, signal) {
  const reader = (await call(path, body, signal)).body.getReader()
  const decoder = new TextDecoder()
  let waiting = ''
  for (;;) {
    const { value, done } = await reader.read()
    if (done) return
    const lines = (waiting + decoder.decode(value, { stream: true })).split('\n')
    waiting = lines.pop()
    for (const line of lines) {
      const event = JSON.parse(line)
      if (event.error) throw new Refusal(200, event.error)
      heard(event)
    }
  }
}

const TABS = ['talk', 'compare', 'label']

function open(tab) {
  for (const name of TABS) {
    $(name).hidden = name !== tab
    $(`tab-${name}`).setAttribute('aria-selected', name === tab)
  }
  const first = { talk: 'say', compare: 'prompt', label: 'labeler' }[tab]
  $(first).focus()
  history.replaceState(null, '', `#${tab}`)
}

// The tab that the address names; a changed address opens its tab at once.
const wanted = () => TABS.find(name => `#${name}` === location.hash) ?? 'talk'

// Enter sends, but not the Enter that ends the composition of a Korean syllable.
export function sendOnEnter(area) {
  area.addEventListener('keydown', event => {
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
      event.preventDefault()
      area.form.requestSubmit()
    }
  })
}

function translate(chosen) {
  speak(chosen)
  $('language').value = language
  showChoices()
  showLabel()
}

async function begin() {
  for (const name of TABS) $(`tab-${name}`).addEventListener('click', () => open(name))
  $('language').addEventListener('change', () => translate($('language').value))
  speak(language)
  addEventListener('hashchange', () => open(wanted()))
  open(wanted())
  openLabel()
  try {
    openTalk(await (await call('/api/state')).json())
  } catch (error) {
    notice(`${t('failed')}: ${error.message}`)
  }
  translate(language)
}

begin()
