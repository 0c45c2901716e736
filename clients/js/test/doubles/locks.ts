import type { Sight } from "../../src/sight.ts";
import type { Locks } from "../../src/tabs.ts";

interface Asking {
  readonly grant: () => void;
  readonly reject: (error: Error) => void;
}

interface Holding {
  readonly reject: (error: Error) => void;
}

/** One browser's lock of one name, as the Web Locks specification has it. */
export class FakeLocks implements Locks {
  #holder: Holding | null = null;
  #queue: Asking[] = [];

  get waiting(): number {
    return this.#queue.length;
  }

  request(name: string, { signal, steal, ifAvailable }: Parameters<Locks["request"]>[1], held: (lock: unknown) => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      const hold = (): void => {
        const holding = { reject };
        this.#holder = holding;
        void held({ name }).then(() => {
          resolve();
          if (this.#holder === holding) this.#free();
        });
      };
      if (steal === true) {
        this.#holder?.reject(aborted());
        return hold();
      }
      if (ifAvailable === true) {
        if (this.#holder === null && this.#queue.length === 0) return hold();
        return void held(null).then(resolve);
      }
      const asking = { grant: hold, reject };
      this.#queue.push(asking);
      signal?.addEventListener("abort", () => this.#withdraw(asking));
      if (signal?.aborted === true) this.#withdraw(asking);
      if (this.#holder === null) this.#free();
    });
  }

  query(): Promise<{ held: { name: string }[] }> {
    return Promise.resolve({ held: this.#holder === null ? [] : [{ name: "duologue" }] });
  }

  #withdraw(asking: Asking): void {
    if (!this.#queue.includes(asking)) return;
    this.#queue = this.#queue.filter((other) => other !== asking);
    asking.reject(aborted());
  }

  #free(): void {
    this.#holder = null;
    this.#queue.shift()?.grant();
  }
}

function aborted(): Error {
  return Object.assign(new Error("aborted"), { name: "AbortError" });
}

/** A tab that is looked at or not, as the test says. */
export class FakeSight implements Sight {
  #hidden = false;
  readonly watchers = new Set<() => void>();

  isHidden(): boolean {
    return this.#hidden;
  }

  hide(hidden: boolean): void {
    this.#hidden = hidden;
    for (const watcher of [...this.watchers]) watcher();
  }

  watch(changed: () => void): () => void {
    this.watchers.add(changed);
    return () => void this.watchers.delete(changed);
  }
}
