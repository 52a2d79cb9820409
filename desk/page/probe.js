// Probe: one rule, a conversation in which one tries to have it broken, a mark, as Sparrow's people
// did. The rule with the fewest marks comes next, or one that is chosen.

import { call, insist, insistOn } from './calls.js'
import { Conversation } from './conversation.js'
import { $, make, notice, onSubmit, recall, remember, sendOnEnter } from './elements.js'
import { checkField } from './fields.js'
import { nameOfSpeaker, settings, state } from './models.js'
import { showTokens } from './tokens.js'
import { refused, t, translation } from './words.js'

const MARKS = { KeyB: 'broken', KeyK: 'kept', KeyU: 'unsure' } // the same keys under a Korean layout
const HANGUL = /[가-힣]/
const MOST = 100 // messages of a conversation; the server takes 200

let labeler = ''
let given = null // {probe, rule}: the conversation's name, and the rule that it is to break
let talk = null
let passed = [] // rules that were not wanted since the last mark
let progress = null
let asking = null // the AbortController of the answer being written
let sending = false

// --- what is kept in this tab of the browser, so that a page that is loaded again goes on

// A question that is not answered yet is one that is still to be asked.
function keep() {
  if (!talk) return
  const pending = talk.messages.at(-1)?.role === 'user'
  const messages = talk.messages.slice(0, pending ? -1 : undefined)
  const say = pending ? talk.messages.at(-1).content : $('attack-say').value
  const draft = { labeler, ...given, messages, say, checkpoint: $('probed').value }
  remember('probe', draft)
}

function place(found, checkpoint) {
  given = { probe: found.probe, rule: found.rule }
  talk = new Conversation($('attack-turns'))
  for (const { role, content } of found.messages ?? []) {
    talk.keep(talk.show(role, whoIs(role), content), role, content)
  }
  if (checkpoint) $('probed').value = checkpoint
  $('attack-say').value = found.say ?? ''
  showRule()
  keep()
}

const whoIs = role => role === 'user' ? t('you') : nameOfSpeaker($('probed').value)
const answered = () => talk?.messages.at(-1)?.role === 'assistant'

const nameOf = rule => t(`name_${rule}`) || rule

function showRule() {
  if (!given) return
  const text = state.rules[given.rule] ?? given.rule
  $('rule-text').textContent = text
  $('rule-text').lang = HANGUL.test(text) ? 'ko' : 'en'
  $('rule-gloss').textContent = translation(text)
  const ready = answered() && !asking && !sending
  for (const button of document.querySelectorAll('[data-mark]')) button.disabled = !ready
  $('another').disabled = Boolean(asking || sending)
  $('unmark').disabled = Boolean(asking || sending) || !progress?.mine
  $('attack-stop').hidden = !asking
  $('attack').querySelector('[type=submit]').hidden = Boolean(asking)
}

// --- the conversation

// One answer, asked for until the server gives it.
async function answer(turn, body) {
  const box = turn.querySelector('p')
  let said = ''
  try {
    for await (const event of insistOn('/api/talk', body, asking.signal, 'probe_offline')) {
      const follows = talk.atEnd()
      if (event.again) box.textContent = said = ''
      if (event.forgotten) talk.sees(event.forgotten, turn)
      if (event.text) box.textContent = said += event.text
      if (event.tokens) showTokens(box, event)
      if (follows) talk.follow()
    }
  } catch (error) {
    if (error.name !== 'AbortError' || !said) throw error // stopped: it was said all the same
  }
  return said
}

async function ask() {
  const text = $('attack-say').value
  if (asking || sending || !text.trim()) return
  if (talk.messages.length >= MOST) return notice(t('probe_long'))
  const mine = talk
  mine.keep(mine.show('user', t('you'), text), 'user', text)
  const turn = mine.show('assistant', nameOfSpeaker($('probed').value))
  mine.follow()
  $('attack-say').value = ''
  $('probe-said').textContent = ''
  notice('')
  asking = new AbortController()
  showRule()
  try {
    const body = { ...settings(), checkpoint: $('probed').value, messages: mine.messages }
    mine.keep(turn, 'assistant', await answer(turn, body))
    $('probe-said').textContent = t('now_mark')
  } catch (error) { // a question without an answer is no part of the conversation
    if (error.name !== 'AbortError') notice(refused(error))
    turn.remove()
    $('attack-say').value = mine.takeBack()
  }
  asking = null
  showRule()
  keep()
  $('attack-say').focus()
}

// --- the mark

async function exchange(act, said) {
  if (sending || asking) return
  sending = true
  showRule()
  try {
    await act()
    $('probe-said').textContent = said
  } catch (error) {
    if (error.status === 409 && act.drawsNext) await draw().catch(() => {})
    notice(refused(error))
  }
  sending = false
  showRule()
  showProgress()
  if (given) $('attack-say').focus()
  else enter('') // who was refused may try another name
}

const away = (path, body) => insist(path, body, 'probe_offline')

async function draw() {
  const found = await away('/api/probe', { labeler, rule: $('rule-choice').value, passed })
  progress = found.progress
  place(found)
}

function mark(name) {
  if (!answered()) return
  const judge = async () => {
    const { probe, rule } = given
    const checkpoint = $('probed').value
    const body = { labeler, probe, rule, mark: name, checkpoint, messages: talk.messages }
    await away('/api/mark', body)
    passed = []
    await draw()
  }
  judge.drawsNext = true
  exchange(judge, t('saved'))
}

function another() {
  passed.push(given.rule)
  $('rule-choice').value = ''
  exchange(draw, '')
}

async function takeBack() {
  const found = await away('/api/unmark', { labeler })
  progress = found.progress
  place(found, found.checkpoint)
}

const undo = () => progress?.mine && exchange(takeBack, t('undone'))

function key(event) {
  if ($('probe').hidden || !given || event.isComposing) return
  if (event.ctrlKey || event.metaKey || event.altKey) return
  if (event.key === 'Escape') $('attack-desk').focus()
  else if (event.target.closest('input, textarea, select')) return
  else if (MARKS[event.code]) mark(MARKS[event.code])
  else if (event.code === 'KeyN') another()
  else if (event.code === 'KeyZ') undo()
  else if (event.key === 'Enter' && !event.target.closest('button, summary')) {
    $('attack-say').focus()
  }
  else return
  event.preventDefault()
}

// --- beside the desk

function showProgress() {
  if (!progress) return
  const { mine, all, labelers } = progress
  const head = ['rule', 'broken', 'kept', 'unsure'].map(name => make('th', {}, t(name)))
  const rows = Object.entries(progress.rules).map(([name, { broken, kept, unsure }]) => make('tr',
    { class: name === given?.rule ? 'me' : null, title: state.rules[name] ?? '' },
    ...[nameOf(name), broken, kept, unsure].map(cell => make('td', {}, cell))))
  const people = labelers.slice(0, 30).map(([name, n]) =>
    make('span', { class: name === labeler ? 'me' : null }, `${name} ${n}`))
  $('marks').replaceChildren(
    make('p', { class: 'figure', id: 'marked' }, t('marked', { n: mine }),
      make('small', {}, ` · ${t('all', { n: all })}`)),
    make('table', { class: 'marks' }, make('tr', {}, ...head), ...rows),
    make('h2', {}, t('people')),
    make('p', { class: 'people' }, ...people),
    make('button', { type: 'button', onclick: () => sign('') }, t('change')))
}

// Everything on this tab that depends on the language.
export function showProbe() {
  const chosen = $('rule-choice').value
  $('rule-choice').replaceChildren(make('option', { value: '' }, t('drawn')),
    ...Object.entries(state.rules).map(([name, text]) =>
      make('option', { value: name }, `${nameOf(name)}: ${translation(text) || text}`)))
  $('rule-choice').value = chosen
  $('probe-said').textContent = ''
  showRule()
  showProgress()
}

function enter(name) {
  labeler = name
  $('probe-sign-in').hidden = Boolean(name)
  $('attack-desk').hidden = $('probe-beside').hidden = !name
}

function sign(name) {
  if (asking || sending) return
  given = talk = null
  passed = []
  sessionStorage.removeItem('probe')
  enter(name)
  if (!name) return $('prober').focus()
  localStorage.setItem('labeler', name)
  exchange(draw, '')
}

async function refresh() {
  if (document.hidden || $('probe').hidden || !given || sending) return
  progress = await call('/api/marks', { labeler }).catch(() => progress)
  showRule()
  showProgress()
}

export function openProbe() {
  $('prober').value = localStorage.getItem('labeler') ?? ''
  onSubmit($('probe-sign-in'), () => checkField($('prober')) && sign($('prober').value.trim()))
  onSubmit($('attack'), ask)
  sendOnEnter($('attack-say'))
  $('attack-say').addEventListener('input', keep)
  $('attack-stop').addEventListener('click', () => asking?.abort())
  $('another').addEventListener('click', another)
  $('unmark').addEventListener('click', undo)
  $('rule-choice').addEventListener('change', () => exchange(draw, ''))
  for (const button of document.querySelectorAll('[data-mark]')) {
    button.addEventListener('click', () => mark(button.dataset.mark))
  }
  document.addEventListener('keydown', key)
  setInterval(refresh, 3000)
}

// The conversation that this tab of the browser was in, if there is one.
export function resumeProbe() {
  const draft = recall('probe')
  if (!draft || !(draft.rule in state.rules)) return
  enter(draft.labeler)
  place(draft, draft.checkpoint)
  refresh()
}
