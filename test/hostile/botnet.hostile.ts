import { botnetSuite } from './botnet-suite.js';

botnetSuite(true);
