import { fuzzSuite } from './fuzz-suite.js';

fuzzSuite(['decoder', 'server']);
