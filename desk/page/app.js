// The frame of the page: tabs and language. Talk and Compare are in talk.js, Label in label.js,
// Probe in probe.js.

import { call } from './calls.js'
import { $, notice } from './elements.js'
import { openLabel, showLabel } from './label.js'
import { openProbe, resumeProbe, showProbe } from './probe.js'
import { openTalk, showChoices } from './talk.js'
import { language, speak, t } from './words.js'

// tab -> where one types first
const FIRST = {
  talk: ['say'], compare: ['prompt'], label: ['labeler'], probe: ['prober', 'attack-say'],
}
const TABS = Object.keys(FIRST)

function open(tab) {
  for (const name of TABS) {
    $(name).hidden = name !== tab
    $(`tab-${name}`).setAttribute('aria-selected', name === tab)
  }
  for (const id of FIRST[tab]) $(id).focus() // what is hidden takes no focus
  history.replaceState(null, '', `#${tab}`)
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
  $('language').addEventListener('change', () => translate($('language').value))
  addEventListener('hashchange', openWanted)
  speak(language)
  openWanted()
  openLabel()
  try {
    const found = await call('/api/state')
    openTalk(found)
    openProbe(found)
  } catch (error) {
    notice(`${t('failed')}: ${error.message}`)
  }
  translate(language)
  resumeProbe()
}

begin()
