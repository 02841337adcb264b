// A worker of the TypeScript SDK that knows nothing of longhaul:
//
//   TEMPORAL_ADDRESS=127.0.0.1:7233 npm start
//   longhaul run words.txt --output loud.jsonl --format json --activity shout --activity-queue shouting
import { NativeConnection, Worker } from '@temporalio/worker';

import * as activities from './activities';

async function main(): Promise<void> {
  const connection = await NativeConnection.connect({ address: process.env.TEMPORAL_ADDRESS ?? '127.0.0.1:7233' });
  try {
    const worker = await Worker.create({
      connection,
      namespace: process.env.TEMPORAL_NAMESPACE ?? 'default',
      taskQueue: process.env.TASK_QUEUE ?? 'shouting',
      activities,
    });
    await worker.run();
  } finally {
    await connection.close();
  }
}

main().catch((err) => {
  console.error(err);
  process.exit(1);
});
