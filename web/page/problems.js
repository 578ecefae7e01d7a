/** Errors in the page's own words: what happened, and what to do. */

import { hasText, t } from '../i18n.js';
import { HubbubError } from '../sdk/index.js';

/**
 * Title and advice for an error.
 *
 * @param {unknown} error
 * @returns {{title: string, advice: string, detail: string}}
 */
export function describe(error) {
  const code = error instanceof HubbubError ? error.code : 'protocol';
  const detail = error instanceof Error ? error.message : String(error);
  if (code === 'unreachable') {
    return { title: t('error.unreachable.title'), advice: t('error.unreachable.join.do'), detail: '' };
  }
  const refusal = `refused.${error instanceof HubbubError ? error.serverCode : ''}`;
  if (code === 'refused' && hasText(refusal)) return { title: t('error.refused.title'), advice: t(refusal), detail };
  const title = `error.${code}.title`;
  const advice = `error.${code}.do`;
  if (!hasText(title) || !hasText(advice)) return { title: t('error.server.title'), advice: detail, detail: '' };
  return { title: t(title), advice: t(advice, { detail }), detail: code === 'refused' || code === 'removed' ? '' : detail };
}
