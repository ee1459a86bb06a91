import type { StylesheetStyle } from 'cytoscape';
import { token } from '../../theme/theme';
import { GRADES, gradeTerms } from '../../vocabulary/grades';

/** Colour is never the only signal: each grade has a line style too, and the legend shows both. */
const LINES: Record<string, object> = {
  plain: { 'line-style': 'dashed', 'line-dash-pattern': [7, 5] },
  legacy: { 'line-style': 'dashed', 'line-dash-pattern': [12, 3, 3, 3] },
  unknown: { 'line-style': 'dotted' },
};

/** The look of the graph in the theme that is in effect. */
export function styleOf(): StylesheetStyle[] {
  const font = token('font');
  const surface = token('surface');
  const styles: StylesheetStyle[] = [
    {
      selector: 'node',
      style: {
        width: 22,
        height: 22,
        'background-color': surface,
        'border-width': 3,
        'border-color': token('unknown-fill'),
        label: 'data(label)',
        color: token('ink'),
        'font-family': font,
        'font-size': 11,
        'font-weight': 500,
        'text-valign': 'bottom',
        'text-margin-y': 5,
        'text-background-color': surface,
        'text-background-opacity': 0.85,
        'text-background-padding': '1px',
      },
    },
    {
      selector: 'node[group]',
      style: {
        shape: 'round-rectangle',
        'background-color': token('surface-2'),
        'background-opacity': 0.75,
        'border-width': 1,
        'border-color': token('line-strong'),
        padding: '22px',
        'text-valign': 'top',
        'text-margin-y': -5,
        'font-size': 13,
        'font-weight': 600,
        color: token('ink-2'),
        'text-background-opacity': 0,
      },
    },
    { selector: 'node[outside = 1]', style: { shape: 'diamond', width: 26, height: 26 } },
    {
      selector: 'edge',
      style: {
        width: 'data(width)',
        'curve-style': 'bezier',
        'control-point-step-size': 28,
        'target-arrow-shape': 'triangle',
        'arrow-scale': 0.8,
        'line-color': token('unknown-fill'),
        'target-arrow-color': token('unknown-fill'),
        'line-opacity': 0.85,
      },
    },
    ...GRADES.flatMap((grade): StylesheetStyle[] => {
      const colour = token(gradeTerms(grade).fill);
      return [
        { selector: `node[grade = "${grade}"]`, style: { 'border-color': colour } },
        {
          selector: `edge[grade = "${grade}"]`,
          style: { 'line-color': colour, 'target-arrow-color': colour, ...LINES[grade] },
        },
      ];
    }),
    {
      selector: 'edge.hover, edge.selected',
      style: {
        label: 'data(label)',
        color: token('ink'),
        'font-family': font,
        'font-size': 11,
        'font-weight': 600,
        'text-background-color': surface,
        'text-background-opacity': 1,
        'text-background-padding': '3px',
        'z-index': 10,
        'line-opacity': 1,
      },
    },
    { selector: 'edge.selected', style: { width: 5 } },
    { selector: 'node.hover, node.selected', style: { 'border-width': 5 } },
    { selector: '.faded', style: { opacity: 0.22 } },
  ];
  return styles;
}
