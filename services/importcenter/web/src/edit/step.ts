import type { SampleView } from "./useSample";
import type { Editor } from "./useEditor";

/** StepProps is what each step works on. */
export interface StepProps {
  editor: Editor;
  view: SampleView;
  /** Names of connections and accounts that are applied. */
  connections: string[];
  accounts: string[];
}
