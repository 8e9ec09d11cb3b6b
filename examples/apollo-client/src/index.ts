export * from "./client.ts";
export * from "./documents.ts";
export * from "./job-text.ts";
export * from "./newest-first-cache.ts";
export * from "./resume-link.ts";
export * from "./watch.ts";
