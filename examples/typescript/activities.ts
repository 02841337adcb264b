import { ApplicationFailure, Context } from '@temporalio/activity';

/** Of one record, a string or what a JSON record holds. What it returns is the record's result. */
export async function shout(x: string): Promise<{ loud: string; attempt: number }> {
  if (x === '') {
    // Another try would fail in the same way: the record fails at once. Any other error is tried again.
    throw ApplicationFailure.nonRetryable('nothing to shout');
  }
  return { loud: x.toUpperCase(), attempt: Context.current().info.attempt };
}

/** Of a batch (--activity-batch 10): an array of records in, an array of as many results out, in the same order. */
export async function shoutAll(xs: string[]): Promise<string[]> {
  if (xs.includes('')) {
    throw ApplicationFailure.nonRetryable('nothing to shout'); // each record of the batch is then run alone
  }
  return xs.map((x) => x.toUpperCase());
}
