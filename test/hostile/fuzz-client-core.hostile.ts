import { fuzzSuite } from './fuzz-suite.js';

fuzzSuite(['client', 'core']);
