/**
 * The section about the scenario of a run: what it is about, what came of it under each policy, what was expected, and who had the RAM.
 */
import type { PolicyResult, RunDocument } from '../../run/document.js';
import { capitalised, scenarioOfDocument, scenarioWords } from '../scenario-text.js';
import { policyKey } from './curves.js';
import { frameCharts } from './frames.js';
import { markup, type Markup } from './markup.js';

/**
 * The section; null for a run without a scenario in which nothing was killed.
 *
 * @param document - of a run; it may come from a version that knew no scenarios
 */
export function scenarioSection(document: RunDocument): Markup | null {
  const scenario = scenarioOfDocument(document);
  const killed = document.policies.some(({ vm }) => vm.kills > 0);
  if (scenario === null && !killed) return null;
  const heading = scenario === null ? 'Memory was short' : `Why: ${scenario.name}`;
  return markup`<section aria-labelledby="h-scenario"><h2 id="h-scenario">${heading}</h2>
${scenario === null ? null : markup`<p class="lead">${scenario.meaning}</p>`}
${words(document)}
${expectationList(document)}
${charts(document)}
</section>`;
}

function words(document: RunDocument): Markup | null {
  const said = scenarioWords(document);
  if (said.length === 0) return null;
  return markup`<div class="whys">${said.map(
    ({ policy, sentences }) =>
      markup`<div class="why"><h3>${policyKey(policy)}${policy}</h3>${sentences.map((sentence) => markup`<p>${capitalised(sentence)}</p>`)}</div>
`,
  )}</div>`;
}

function expectationList({ policies }: RunDocument): Markup | null {
  const rows = policies.flatMap(({ scenario }: Partial<PolicyResult>) => scenario?.expectations ?? []);
  if (rows.length === 0) return null;
  const sign = (holds: boolean): Markup =>
    holds
      ? markup`<b class="met" aria-hidden="true">✓</b> `
      : markup`<b class="unmet"><span aria-hidden="true">✗</span> not so:</b> `;
  return markup`<h3 class="quiet">Expected</h3><ul class="expected">${rows.map(({ sentence, holds }) => markup`<li>${sign(holds)}${capitalised(sentence)}.</li>`)}</ul>`;
}

function charts(document: RunDocument): Markup | null {
  const drawn = frameCharts(document);
  if (drawn === null) return null;
  return markup`<h3 class="quiet">Who has the RAM</h3>
<p class="lead">All page frames of the machine, from bottom to top. The devices live from the same frames as the processes: what they keep for nobody is missing there. The numbers at the top are those of the phases, which are listed further down.</p>
${drawn}`;
}
