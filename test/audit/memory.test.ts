import { openMemoryStore } from '../../src/server/store/memory.js';
import { runAuditSuite } from '../suites/audit.js';

runAuditSuite({ name: 'memory', open: async () => openMemoryStore() });
