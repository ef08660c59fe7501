/**
 * notifier-errno: the answer made from success ends the call.
 *
 * Symptom: a callback that wraps its result up, whatever it is, keeps all blocks behind it from being called: success becomes NOTIFY_STOP.
 * @kernel include/linux/notifier.h notifier_from_errno, up to 2.6.34; fixed by b957e043ee5
 */
import type { NotifierBlocks } from '../notifier/blocks.js';
import { notifierFromErrno } from '../notifier/constants.js';

/**
 * Puts the fault into a thread's notifier blocks.
 * @param blocks - to be changed
 */
export function installNotifierErrno(blocks: NotifierBlocks): void {
  blocks.notifierFromErrno = notifierFromErrno;
}
