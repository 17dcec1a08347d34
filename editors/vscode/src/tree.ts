// Draws the model as a tree view, with the number of open questions as its badge.
import {
  EventEmitter, ThemeColor, ThemeIcon, TreeItem, TreeItemCollapsibleState, Uri, window,
  type Disposable, type TreeDataProvider, type TreeView,
} from 'vscode';
import type { Look, Node } from './model';
import { projectFileFor } from './places';
import type { Runs } from './runs';
import { count } from './words';

const COLLAPSIBLE: Record<Look['children'], TreeItemCollapsibleState> = {
  none: TreeItemCollapsibleState.None,
  closed: TreeItemCollapsibleState.Collapsed,
  open: TreeItemCollapsibleState.Expanded,
};

export class RunTree implements TreeDataProvider<Node>, Disposable {
  private readonly changed = new EventEmitter<void>();
  readonly onDidChangeTreeData = this.changed.event;
  private readonly view: TreeView<Node>;
  private readonly subscription: Disposable;

  constructor(private readonly runs: Runs) {
    this.view = window.createTreeView('aiOrchestrator.runs', { treeDataProvider: this });
    this.subscription = runs.onChange(() => this.draw());
  }

  getChildren(node?: Node): Node[] | Promise<Node[]> {
    const { model } = this.runs;
    if (!node) return model.roots();
    if (node.kind === 'run') return this.runs.stateOf(node.run.runId).then(() => model.children(node));
    return model.children(node);
  }

  async getTreeItem(node: Node): Promise<TreeItem> {
    const look = this.runs.model.look(node, Date.now());
    const item = new TreeItem(look.label, COLLAPSIBLE[look.children]);
    item.id = look.id;
    item.description = look.description;
    item.tooltip = look.tooltip;
    item.contextValue = look.context;
    if (look.icon) item.iconPath = new ThemeIcon(look.icon, look.color ? new ThemeColor(look.color) : undefined);
    if (node.kind === 'artifact') {
      item.resourceUri = Uri.parse(node.artifact.uri);
      item.iconPath = ThemeIcon.File;
      if (await projectFileFor(node.artifact)) item.contextValue = 'artifact.known';
    }
    if (node.kind === 'artifact' || node.kind === 'approval') {
      item.command = { command: 'aiOrchestrator.openNode', title: 'Open', arguments: [node] };
    }
    return item;
  }

  dispose(): void {
    this.subscription.dispose();
    this.changed.dispose();
    this.view.dispose();
  }

  private draw(): void {
    const pending = this.runs.model.pending.length;
    this.view.badge = pending > 0 ? { value: pending, tooltip: count(pending, 'approval') } : undefined;
    this.changed.fire();
  }
}
