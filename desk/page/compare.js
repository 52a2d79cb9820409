// Compare: one prompt to several checkpoints, side by side; once, word by word, or several times,
// with the shares of what they say.

import { factOf, showFound } from './conversation.js'
import { $, make, onSubmit, sendOnEnter } from './elements.js'
import { checkField, say } from './fields.js'
import { nameOfSpeaker, ready, settings, stream } from './models.js'
import { showTokens } from './tokens.js'
import { t } from './words.js'

const MOST = 6 // checkpoints at once; the server takes no more

let asked = '' // the prompt that stands over the answers
let tries = 0 // how often it was asked again

const chosen = () => [...document.querySelectorAll('#lineup input:checked')].map(box => box.value)
const signed = x => (x < 0 ? '−' : '+') + Math.abs(x).toFixed(2)
const percent = x => `${Math.round(100 * x)}%`

function list(rows) {
  return rows.flatMap(([name, value]) => [make('dt', {}, name), make('dd', {}, value)])
}

// --- one answer of each

function figures(event) {
  const rows = []
  if (event.reward !== null) rows.push([t('reward'), signed(event.reward)])
  if (event.kl !== null) rows.push([t('kl'), `${signed(event.kl)} ${t('nats')}`])
  rows.push([t('tokens'), event.tokens.length + (event.ended ? '' : ` (${t('cut')})`)])
  return list(rows)
}

class Card {
  constructor(name) {
    this.box = make('p')
    this.under = make('dl')
    this.found = {}
    this.element = make('section', { class: 'answer', 'data-name': name },
      make('h2', {}, nameOfSpeaker(name)), this.box, this.under)
  }

  heard(event) {
    showFound(this.box, this.found, event)
    if (event.text) this.box.append(event.text)
    if (event.length) this.box.textContent = t('writing', { n: event.length })
    if (event.tokens) {
      showTokens(this.box, event)
      this.box.after(...factOf(event.fact))
      this.under.replaceChildren(...figures(event))
    }
    if (event.answers) this.summed(event)
  }

  // Several answers: the shares first, then what was said, the most frequent first.
  summed(event) {
    this.box.replaceWith(make('dl', { class: 'shares' }, ...shares(event)), said(event.answers))
    this.under.remove()
    this.element.classList.add('several')
  }
}

// --- several answers of each

function share(name, found) {
  if (!found) return []
  const { count, of, low, high } = found
  const interval = ` (${Math.round(100 * low)}–${percent(high)})`
  return [[name, make('span', {}, t('count_of', { count, of }), make('small', {}, interval))]]
}

function mean(name, found, unit = '') {
  if (!found) return []
  const half = found.half === null ? '' : ` ± ${found.half.toFixed(2)}`
  return [[name, `${signed(found.mean)}${half}${unit}`]]
}

function shares(event) {
  const { right, rude, reward, kl } = event
  return list([...share(t('right'), right), ...share(t('rude'), rude),
    ...mean(t('mean_reward'), reward), ...mean(t('kl'), kl, ` ${t('nats')}`)])
}

function said(answers) {
  const groups = new Map()
  for (const answer of answers) {
    groups.set(answer.text, [...groups.get(answer.text) ?? [], answer])
  }
  const rows = [...groups.values()].sort((a, b) => b.length - a.length)
  return make('ul', { class: 'said' }, ...rows.map(([first, ...rest]) => make('li', {},
    make('span', { class: 'times' }, `${rest.length + 1}×`),
    make('span', {}, first.text || t('nothing'), first.ended ? '' : '…', ...marks(first)))))
}

function marks({ verdict, rude }) {
  const found = []
  if (verdict) found.push(make('b', { class: `fact ${verdict}` }, ` ${t(`short_${verdict}`)}`))
  if (rude) found.push(make('b', { class: 'fact wrong' }, ` ${t('rude')}`))
  return found
}

// --- asking

async function ask(prompt) {
  const names = chosen()
  const enough = names.length >= 1 && names.length <= MOST
  say($('lineup'), enough ? '' : t('lineup_form', { most: MOST }))
  if (!prompt.trim() || !enough || !checkField($('samples')) || !ready()) return
  let cards
  const begin = () => {
    cards = Object.fromEntries(names.map(name => [name, new Card(name)]))
    $('answers').replaceChildren(...Object.values(cards).map(card => card.element))
    $('truth').textContent = ''
  }
  begin()
  $('examples-all').closest('details').open = false
  asked = prompt
  $('again').hidden = false
  const { seed } = settings()
  const body = { checkpoints: names, prompt, samples: Number($('samples').value),
    reward: $('reward').value || null, reference: $('reference').value || null,
    seed: seed && seed + tries }
  await stream('/api/compare', body, event => {
    cards[event.name].heard(event)
    if (event.answers && event.fact) $('truth').textContent = `${t('truth')} ${event.fact}`
  }, begin, names.length)
}

export function openCompare() {
  sendOnEnter($('prompt'))
  onSubmit($('ask-all'), () => {
    tries = 0
    ask($('prompt').value)
  })
  $('again').addEventListener('click', () => {
    tries += 1
    ask(asked)
  })
}
