// Elements of the page: found, made, and what they have in common.

export const $ = id => document.getElementById(id)

// Is the page as narrow as a phone? style.css has the same width.
export const phone = () => matchMedia('(max-width: 52rem)').matches

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

// One line above the page; an empty one takes it away.
export function notice(text) {
  $('notice').textContent = text
  $('notice').hidden = !text
}

export function onSubmit(form, act) {
  form.addEventListener('submit', event => {
    event.preventDefault()
    act()
  })
}

// Enter sends, but not the Enter that ends the composition of a Korean syllable. Safari has ended it
// by then, and tells of it by the key code alone.
export function sendOnEnter(area) {
  area.addEventListener('keydown', event => {
    const composing = event.isComposing || event.keyCode === 229
    if (event.key !== 'Enter' || event.shiftKey || composing) return
    event.preventDefault()
    area.form.requestSubmit()
  })
}

// A text on the clipboard. A page that comes over a network without TLS has only the old way.
export async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text)
  const area = make('textarea', {}, text)
  document.body.append(area)
  area.select()
  document.execCommand('copy')
  area.remove()
}

// What this tab of the browser keeps over a reload. What is too long for it is not kept.
export function remember(name, value) {
  try {
    sessionStorage.setItem(name, JSON.stringify(value))
  } catch {
    sessionStorage.removeItem(name)
  }
}

export const recall = name => JSON.parse(sessionStorage.getItem(name) ?? 'null')
