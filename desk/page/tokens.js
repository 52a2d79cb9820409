// A finished answer as words to point at: how probable each was, and what else the model considered.

import { $, make } from './elements.js'
import { t } from './words.js'

const percent = p => p >= 0.0995 ? `${Math.round(p * 100)}%` : `${(p * 100).toFixed(1)}%`
const visible = text => text.replaceAll('\n', '⏎').replaceAll(' ', '␣') || '∅'

// The words of an answer in `box`. Tokens that are bytes of one character belong together.
export function showTokens(box, event) {
  box.replaceChildren()
  let steps = []
  const add = (text, attributes) => {
    const blank = text.trim() ? text.match(/^ */)[0] : '' // a line under it would stick out
    const piece = make('span', attributes, text.slice(blank.length))
    const least = Math.min(1, ...steps.map(step => step.p))
    piece.style.setProperty('--doubt', Math.max(0, 1 - least / 0.9).toFixed(2))
    piece.steps = steps
    steps = []
    box.append(blank, piece)
  }
  for (const token of event.tokens) {
    if (token.part && token.part !== 'content') continue // a query, and what was found
    steps.push(token)
    if (token.text) add(token.text, { class: 'token' })
  }
  const title = t(event.ended ? 'end' : 'cut')
  add(event.ended ? '■' : '…', { class: 'token end', title })
  box.classList.add('tokens')
  box.tabIndex = 0
}

// One step of the model: its likeliest tokens, and the one that was taken.
function table(step) {
  const rows = step.top.map(([text, p]) => ({ text, p, taken: Math.abs(p - step.p) < 1e-9 }))
  if (!rows.some(row => row.taken)) {
    rows.push({ text: step.text.trim() || '…', p: step.p, taken: true })
  }
  return make('table', {}, ...rows.map(({ text, p, taken }) => make('tr',
    { class: taken ? 'taken' : null },
    make('td', {}, visible(text)),
    make('td', {}, make('meter', { value: p, max: 1, 'aria-hidden': true })),
    make('td', {}, percent(p)))))
}

function explain(piece) {
  const box = $('considered')
  box.replaceChildren(...piece.steps.map(table))
  if (!piece.steps.length) box.append(t('cut'))
  box.hidden = false
  const at = piece.getBoundingClientRect()
  const own = box.getBoundingClientRect()
  const below = at.bottom + 6 + own.height < innerHeight
  const top = below ? at.bottom + 6 : at.top - own.height - 6
  box.style.left = `${Math.max(8, Math.min(at.left, innerWidth - own.width - 8))}px`
  box.style.top = `${Math.max(8, top)}px`
}

// By the pointer, or by the arrows in an answer that has the focus.
export function watchTokens() {
  const hide = () => {
    $('considered').hidden = true
    document.querySelector('.token.here')?.classList.remove('here')
  }
  document.addEventListener('scroll', hide, true)
  document.addEventListener('focusout', hide)
  document.addEventListener('pointerover', event => {
    hide()
    const piece = event.target.closest?.('.token')
    if (piece?.steps) explain(piece)
  })
  document.addEventListener('keydown', event => {
    const pieces = event.target.matches('.tokens') ? [...event.target.children] : []
    const at = pieces.findIndex(piece => piece.matches('.here'))
    const end = pieces.length - 1
    const to = { ArrowRight: Math.min(at + 1, end), ArrowLeft: Math.max(at - 1, 0), Home: 0,
      End: end }[event.key]
    if (event.key === 'Escape') hide()
    if (!pieces.length || to === undefined) return
    event.preventDefault()
    hide()
    pieces[to].classList.add('here')
    explain(pieces[to])
  })
}
