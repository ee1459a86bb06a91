import { BarChart } from 'echarts/charts';
import { GridComponent, TooltipComponent } from 'echarts/components';
import { init, use as register, type EChartsType } from 'echarts/core';
import { CanvasRenderer } from 'echarts/renderers';
import { useEffect, useRef } from 'react';
import { count, shortCount } from '../format/numbers';
import { axisTime, exactTime } from '../format/time';
import { token, useTheme } from '../theme/theme';
import type { Series } from './TimeChart';

register([BarChart, GridComponent, TooltipComponent, CanvasRenderer]);

interface Props {
  points: readonly (Record<string, number | string> & { time: string })[];
  series: readonly Series<string>[];
}

const STRIPES = { symbol: 'rect', dashArrayX: [1, 0], dashArrayY: [2, 4], rotation: -Math.PI / 4 };

export default function StackedBars({ points, series }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<EChartsType | null>(null);
  const theme = useTheme();

  useEffect(() => {
    if (box.current === null) return;
    const made = init(box.current, null, { renderer: 'canvas' });
    chart.current = made;
    const observer = new ResizeObserver(() => made.resize());
    observer.observe(box.current);
    return () => {
      observer.disconnect();
      made.dispose();
      chart.current = null;
    };
  }, []);

  useEffect(() => {
    chart.current?.setOption(options(points, series), { notMerge: true });
  }, [points, series, theme]);

  return <div ref={box} className="chart-box" />;
}

function options(points: Props['points'], series: Props['series']) {
  const span = Date.parse(points.at(-1)?.time ?? '') - Date.parse(points[0]?.time ?? '');
  const text = { color: token('ink-3'), fontFamily: token('font'), fontSize: 11 };
  return {
    animation: false,
    grid: { left: 4, right: 4, top: 8, bottom: 2, containLabel: true },
    tooltip: {
      trigger: 'axis',
      // Drawn on the canvas: the page's content security policy forbids markup with styles.
      renderMode: 'richText',
      backgroundColor: token('surface'),
      borderColor: token('line-strong'),
      textStyle: { color: token('ink'), fontFamily: token('font'), fontSize: 12 },
      axisPointer: { type: 'shadow', shadowStyle: { color: token('ink'), opacity: 0.06 } },
      formatter: (items: { dataIndex: number }[]) =>
        tooltip(points[items[0]?.dataIndex ?? -1], series),
    },
    xAxis: {
      type: 'category',
      data: points.map((point) => axisTime(point.time, span)),
      axisLine: { lineStyle: { color: token('line-strong') } },
      axisTick: { show: false },
      axisLabel: { ...text, hideOverlap: true },
    },
    yAxis: {
      type: 'value',
      splitNumber: 3,
      splitLine: { lineStyle: { color: token('line') } },
      axisLabel: { ...text, formatter: shortCount },
    },
    series: series.map((item) => ({
      type: 'bar',
      stack: 'all',
      name: item.label,
      barCategoryGap: '18%',
      data: points.map((point) => point[item.key]),
      itemStyle: {
        color: token(item.fill),
        ...(item.striped === true ? { decal: { ...STRIPES, color: token('surface') } } : {}),
      },
    })),
  };
}

function tooltip(point: Props['points'][number] | undefined, series: Props['series']): string {
  if (point === undefined) return '';
  const lines = [...series]
    .reverse()
    .map((item) => `${item.label}  ${count(Number(point[item.key]))}`);
  return [exactTime(point.time), ...lines].join('\n');
}
