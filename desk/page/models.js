// What there is to ask: the checkpoints, the settings of an answer, and the answer as it streams.

import { call, insistOn } from './calls.js'
import { $, make, notice, phone } from './elements.js'
import { fieldsAreGood } from './fields.js'
import { refused, t } from './words.js'

export let state = { checkpoints: [], examples: [], lineup: [], rules: {}, defaults: {}, command: '' }
export let running = null // the AbortController of the answer being written

// --- checkpoints

const STAGES = ['pretrain', 'sft', 'dpo', 'ppo'] // in the order in which they are trained
const order = checkpoint => STAGES.indexOf(checkpoint.stage)
const speakers = () => state.checkpoints.filter(c => c.head === 'lm')
  .sort((a, b) => order(a) - order(b))
const tuned = () => speakers().filter(c => c.stage !== 'pretrain')
const find = name => state.checkpoints.find(c => c.name === name)

function nameOf(checkpoint) {
  const { name, stage, error } = checkpoint
  if (error) return `${name} (${t('damaged')})`
  const known = t(`stage_${stage}`) || stage
  return stage === name ? known : `${name} · ${known}`
}

export const nameOfSpeaker = name => find(name) ? nameOf(find(name)) : name

function fill(select, checkpoints, chosen, none) {
  const before = select.options.length > (none ? 1 : 0) ? select.value : chosen || ''
  select.replaceChildren(...checkpoints.map(c => make('option',
    { value: c.name, title: c.error ?? null, disabled: c.error ? '' : null }, nameOf(c))))
  if (none) select.append(make('option', { value: '' }, none))
  select.value = before
}

// Everything that depends on the language or on the checkpoints there are.
export function showChoices() {
  const all = state.checkpoints
  const rewards = all.filter(c => c.stage === 'reward')
  fill($('checkpoint'), [...speakers(), ...all.filter(c => c.error)], state.talk)
  fill($('probed'), tuned(), state.probe)
  fill($('reward'), rewards, state.reward, t('nobody'))
  fill($('reference'), tuned(), state.reference, t('nobody'))
  const boxes = [...document.querySelectorAll('#lineup input')]
  const before = Object.fromEntries(boxes.map(box => [box.value, box.checked]))
  const wanted = name => before[name] ?? state.lineup.includes(name)
  $('lineup').replaceChildren(...speakers().map(c => make('label', { class: 'check' },
    make('input', { type: 'checkbox', value: c.name, checked: wanted(c.name) ? '' : null }),
    nameOf(c))))
  showAbout()
  showIntro()
  showMissing()
}

export function showAbout() {
  const c = find($('checkpoint').value)
  const kind = c?.stage === 'pretrain' ? 'base' : 'tuned'
  $('about').textContent = !c ? ''
    : `${t(kind)} ${c.parameters.toLocaleString()} ${t('parameters')}, ${t('step')} ${c.step}.`
}

// One sentence: what this is, and what may be asked.
function showIntro() {
  const world = state.checkpoints.find(c => c.world)?.world
  if (!speakers().length) $('intro').textContent = t('intro_none')
  else if (!world) $('intro').textContent = t('intro_own')
  else $('intro').textContent = t('intro_world', { language: t(`speaks_${world}`) })
}

// Where a model is missing, the command that makes one, and no button that could not do its work.
export function showMissing() {
  const judging = !$('label').hidden || !$('probe').hidden
  const missing = !speakers().length ? 'no_models' : judging && !tuned().length ? 'no_tuned' : ''
  $('missing').hidden = !missing
  if (missing) {
    const [before, after] = t(missing, { command: '\n' }).split('\n')
    $('missing').replaceChildren(before, make('code', {}, state.command), after)
  }
  const off = (form, models) => {
    $(form).querySelector('[type=submit]').disabled = !models.length
  }
  off('ask', speakers())
  off('ask-all', speakers())
  off('sign-in', tuned())
  off('probe-sign-in', tuned())
}

// --- what may be asked

export function suggest(box, area) {
  const ask = text => () => {
    area.value = text
    area.form.requestSubmit()
  }
  box.replaceChildren(...state.examples.map(text =>
    make('button', { type: 'button', onclick: ask(text) }, text)))
  box.closest('details').hidden = !state.examples.length
}

const SETTINGS = ['temperature', 'top_p', 'top_k', 'limit', 'seed']

export function settings() {
  return Object.fromEntries(SETTINGS.map(id => [id, Number($(id).value)]))
}

// --- an answer

function busy(controller) {
  running = controller
  for (const form of ['ask', 'ask-all']) {
    $(form).querySelector('.stop').hidden = !controller
    $(form).querySelector('[type=submit]').hidden = Boolean(controller)
  }
}

// May a question go out now? What is wrong with a number is said at its field.
export const ready = () => !running && speakers().length > 0 && fieldsAreGood()

// Tell `heard` each event of the answer, or of several, and `again` if they begin anew, since the
// server was away; returns whether they came to their end.
export async function stream(path, body, heard, again, answers = 1) {
  let whole = false
  notice('')
  busy(new AbortController())
  try {
    const asked = { ...settings(), ...body }
    const events = insistOn(path, asked, running.signal, 'away', answers)
    for await (const event of events) event.again ? again() : heard(event)
    whole = true
  } catch (error) {
    notice(error.name === 'AbortError' ? '' : refused(error))
  }
  busy(null)
  return whole
}

// --- begin

function know(found) {
  state = found
  suggest($('examples'), $('say'))
  suggest($('examples-all'), $('prompt'))
}

export function openModels(found) {
  know(found)
  for (const [id, value] of Object.entries(state.defaults)) $(id).value = value
  for (const range of document.querySelectorAll('input[type=range]')) {
    const show = () => { range.parentElement.querySelector('output').value = range.value }
    show()
    range.addEventListener('input', show)
  }
  for (const stop of document.querySelectorAll('#ask .stop, #ask-all .stop')) {
    stop.addEventListener('click', () => running?.abort())
  }
  for (const fold of document.querySelectorAll('aside details, .page details')) fold.open = !phone()
  $('checkpoint').addEventListener('change', showAbout)
  setInterval(refresh, 10000)
}

// Checkpoints that appear while a stage trains.
async function refresh() {
  if (document.hidden || running) return
  const found = await call('/api/state').catch(() => state) // away: the next call says so
  if (JSON.stringify(found.checkpoints) === JSON.stringify(state.checkpoints)) return
  know(found)
  showChoices()
}
