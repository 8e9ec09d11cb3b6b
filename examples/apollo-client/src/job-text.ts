// A page while it is being written: the events of one job, folded into the text so far.
import type { WatchJobSubscription } from "./generated/graphql.ts";

export interface JobText {
  /** By block id, in the order in which they were begun. */
  blocks: Record<string, BlockText>;
  state?: string;
  progress: number;
  /** How many terminal events were seen: 0 while it runs, then 1. */
  ends: number;
  /** How many pieces did not fit because one before them was missing; the server promises that there is none. */
  holes: number;
}

export interface BlockText {
  /** A finished block stands in the cache with all its fields; until then there is only this text. */
  isReady: boolean;
  /** By path within the block: `items.0.title`. Empty for a finished block that was not watched from its beginning. */
  text: Record<string, string>;
}

export const noText: JobText = { blocks: {}, progress: 0, ends: 0, holes: 0 };

/** The text after an event. Nothing is changed in place, and the same event twice does nothing. */
export function applyJobEvent(before: JobText, { jobEvents: event }: WatchJobSubscription): JobText {
  const after = { ...before, state: event.job.state, progress: event.job.progress };
  switch (event.__typename) {
    case "TextWritten": {
      const block = before.blocks[event.blockId] ?? { isReady: false, text: {} };
      const path = event.path.join(".");
      const known = block.text[path] ?? "";
      if (block.isReady) return after;
      if (event.offset > known.length) return { ...after, holes: before.holes + 1 };
      if (event.offset + event.text.length <= known.length) return after;
      const text = { ...block.text, [path]: known.slice(0, event.offset) + event.text };
      return { ...after, blocks: { ...before.blocks, [event.blockId]: { ...block, text } } };
    }
    case "BlockOpened":
      return { ...after, blocks: { ...readyOnly(before), [event.blockId]: { isReady: false, text: {} } } };
    case "BlockReady": {
      const text = before.blocks[event.blockId]?.text ?? {};
      return { ...after, blocks: { ...before.blocks, [event.blockId]: { isReady: true, text } } };
    }
    case "JobSnapshot": {
      const blocks: Record<string, BlockText> = {};
      for (const { id, status } of event.blocks) {
        if (status !== "READY") continue;
        const known = before.blocks[id];
        blocks[id] = { isReady: true, text: known?.isReady ? known.text : {} };
      }
      for (const { blockId, path, text } of event.open) {
        (blocks[blockId] ??= { isReady: false, text: {} }).text[path.join(".")] = text;
      }
      return { ...after, blocks };
    }
    case "JobStarted":
      return { ...after, blocks: readyOnly(before) };
    case "JobFinished":
      return { ...after, ends: before.ends + 1 };
    default:
      return after;
  }
}

/** Unfinished text is void when a block is begun or an attempt starts. */
function readyOnly({ blocks }: JobText): Record<string, BlockText> {
  return Object.fromEntries(Object.entries(blocks).filter(([, { isReady }]) => isReady));
}
