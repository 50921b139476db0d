export * from './constants.js';
export * from './buffering.js';
export * from './close-codes.js';
export * from './errors.js';
export * from './messages.js';
export * from './shapes.js';
export * from './codec.js';
export * from './transcript.js';
