// The frame of the page: tabs and language. Each tab has a file of its own.

import { insist } from './calls.js'
import { openCompare } from './compare.js'
import { $, notice } from './elements.js'
import { watchFields } from './fields.js'
import { openLabel, resumeLabel, showLabel } from './label.js'
import { openModels, showChoices, showMissing } from './models.js'
import { openProbe, resumeProbe, showProbe } from './probe.js'
import { openTalk } from './talk.js'
import { watchTokens } from './tokens.js'
import { language, refused, speak } from './words.js'

// tab -> where one types first
const FIRST = {
  talk: ['say'], compare: ['prompt'], label: ['labeler'], probe: ['prober', 'attack-say'],
}
const TABS = Object.keys(FIRST)

function open(tab) {
  for (const name of TABS) {
    $(name).hidden = name !== tab
    $(`tab-${name}`).setAttribute('aria-selected', name === tab)
    $(`tab-${name}`).tabIndex = name === tab ? 0 : -1 // the arrows lead to the others
  }
  for (const id of FIRST[tab]) $(id).focus() // what is hidden takes no focus
  history.replaceState(null, '', `#${tab}`)
  showMissing()
}

function turn(event) {
  const at = TABS.findIndex(name => `tab-${name}` === event.target.id)
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 }[event.key]
  if (to === undefined) return
  event.preventDefault()
  const tab = TABS.at(to % TABS.length)
  open(tab)
  $(`tab-${tab}`).focus()
}

const openWanted = () => open(TABS.find(name => `#${name}` === location.hash) ?? 'talk')

function translate(chosen) {
  speak(chosen)
  $('language').value = language
  showChoices()
  showLabel()
  showProbe()
}

async function begin() {
  for (const name of TABS) $(`tab-${name}`).addEventListener('click', () => open(name))
  $('tabs').addEventListener('keydown', turn)
  $('language').addEventListener('change', () => translate($('language').value))
  addEventListener('hashchange', openWanted)
  speak(language)
  openWanted()
  openLabel()
  watchFields()
  watchTokens()
  try {
    const found = await insist('/api/state', null, 'away_at_start')
    openModels(found)
    showChoices()
    openTalk()
    openCompare()
    openProbe()
  } catch (error) {
    notice(refused(error))
  }
  translate(language)
  resumeLabel()
  resumeProbe()
  document.body.dataset.ready = '' // every handler is there
}

begin()
