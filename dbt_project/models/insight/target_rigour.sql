-- Rules, version 1 (docs/insight.md says why). A target is judged on the figures up to its last day in force or the end
-- of the reporting period, whichever comes first. Figures count as they are reported, limits are those of `spc`; where
-- these are of single months (quarters) and the figure of twelve, they are narrowed to what the average of so many
-- would show. Figures that add up within the year are compared with those of the same month in other years alone.
{% set rule_set_version = '1.0.0' %}
{% set points_needed = 12 %}
{% set points_of_trend = 24 %}
{% set periods_judged = 12 %}
{% set sigma_of_mad = 1.4826 %}
{% set quantile_80 = 1.2816 %}
{% set adds_up = "measures.accumulation in ('cumulative', 'cumulative_only')" %}

with targets as (
    select
        *,
        row_number() over (order by measure_id, unit_id, valid_from) as target_key,
        lag(target) over (partition by measure_id, unit_id order by valid_from) as target_before,
        lag(tolerance) over (partition by measure_id, unit_id order by valid_from) as tolerance_before
    from {{ ref('dim_targets') }}
),

judged as (
    select
        targets.target_key,
        targets.measure_id,
        targets.unit_id,
        targets.valid_from,
        targets.valid_to,
        targets.target,
        targets.tolerance,
        targets.rationale,
        -- What adds up has targets along the way: each is held against the one of a year before.
        case
            when {{ adds_up }} then year_before.target else targets.target_before
        end as former_target,
        case
            when {{ adds_up }} then year_before.tolerance else targets.tolerance_before
        end as former_tolerance,
        measures.polarity,
        measures.frequency,
        {{ adds_up }} as adds_up,
        measures.decimal_places,
        measures.value_unit,
        measures.owner,
        measures.measure_description,
        measures.source_label,
        measures.baseline,
        council.root_unit_id,
        abs(targets.target) + targets.tolerance as band,
        least(coalesce(targets.valid_to, council.reporting_period_end), council.reporting_period_end) as judged_until,
        coalesce(targets.valid_to, years.period_end) as projected_to
    from targets
    inner join {{ ref('dim_measures') }} as measures on measures.measure_id = targets.measure_id
    cross join {{ ref('dim_council') }} as council
    left join {{ ref('dim_periods') }} as years
        on
            years.period_type = 'financial_year'
            and council.reporting_period_end between years.period_start and years.period_end
    left join targets as year_before
        on
            year_before.measure_id = targets.measure_id
            and year_before.unit_id = targets.unit_id
            and year_before.valid_from < targets.valid_from
            and {{ months_after('targets.valid_from', -12) }} >= year_before.valid_from
            and {{ months_after('targets.valid_from', -12) }}
            <= coalesce(year_before.valid_to, {{ months_after('targets.valid_from', -12) }})
    where targets.valid_from <= council.reporting_period_end
),

figures as (
    select
        judged.target_key,
        judged.polarity,
        judged.target,
        judged.band,
        figures.value,
        extract(year from figures.period_end) * 12 + extract(month from figures.period_end) as month_number,
        row_number() over (
            partition by judged.target_key order by figures.period_end desc, figures.period_start asc
        ) as recency
    from judged
    inner join {{ ref('measure_values') }} as figures
        on
            figures.measure_id = judged.measure_id
            and figures.unit_id = judged.unit_id
            and figures.area_id = ''
            and figures.basis = 'reported'
            and figures.period_type in (judged.frequency, 'other')
            and figures.period_end <= judged.judged_until
    where
        not judged.adds_up
        or extract(month from figures.period_end) = extract(month from judged.projected_to)
),

series as (
    select *
    from figures
    where recency <= {{ points_of_trend }}
),

counted as (
    select
        target_key,
        cast(count(*) as bigint) as points,
        cast(sum(month_number) as double) as sum_of_months,
        cast(sum(month_number * month_number) as double) as sum_of_squares,
        max(case when recency = 1 then value end) as newest_value,
        median(abs(value)) as usual_size,
        min(value) as lowest,
        max(value) as highest,
        cast(sum(case when recency <= {{ periods_judged }} then 1 else 0 end) as bigint) as periods_judged,
        cast(sum(
            case
                when recency > {{ periods_judged }} then 0
                when polarity = 'higher' and value >= target then 1
                when polarity = 'lower' and value <= target then 1
                when polarity = 'toward_zero' and abs(value) <= band then 1
                else 0
            end
        ) as bigint) as periods_met
    from series
    group by target_key
),

-- Theil and Sen: the trend is the median of the slopes between all pairs of points, so that no outlier moves it.
slopes as (
    select
        earlier.target_key,
        median(
            cast(later.value - earlier.value as double) / cast(later.month_number - earlier.month_number as double)
        ) as per_month
    from series as earlier
    inner join series as later
        on later.target_key = earlier.target_key and later.month_number > earlier.month_number
    group by earlier.target_key
),

lines as (
    select
        slopes.target_key,
        slopes.per_month,
        median(cast(series.value as double) - slopes.per_month * series.month_number) as intercept
    from slopes
    inner join series on series.target_key = slopes.target_key
    group by slopes.target_key, slopes.per_month
),

spreads as (
    select
        lines.target_key,
        lines.per_month,
        lines.intercept,
        {{ sigma_of_mad }} * median(
            abs(cast(series.value as double) - lines.intercept - lines.per_month * series.month_number)
        ) as sigma
    from lines
    inner join series on series.target_key = lines.target_key
    group by lines.target_key, lines.per_month, lines.intercept
),

-- The process to which the last point before the target's end belongs.
processes as (
    select
        judged.target_key,
        spc.points,
        spc.mean,
        spc.upper_limit,
        spc.lower_limit,
        spc.are_limits_provisional,
        case
            when spc.basis = 'reported' then 1
            when spc.period_type = 'month' then 12
            else 4
        end as periods_in_figure,
        row_number() over (
            partition by judged.target_key order by spc.period_end desc, spc.period_start asc
        ) as recency
    from judged
    inner join {{ ref('spc') }} as spc
        on
            spc.measure_id = judged.measure_id
            and spc.unit_id = judged.unit_id
            and spc.area_id = ''
            and spc.period_end <= judged.judged_until
    where not judged.adds_up
),

limits as (
    select
        target_key,
        points,
        are_limits_provisional,
        cast(mean as double) as mean,
        cast(upper_limit - lower_limit as double) / 2 / sqrt(periods_in_figure) as reach
    from processes
    where recency = 1
),

-- The council's own value among its neighbours', the newest there was.
compared as (
    select
        judged.target_key,
        benchmark.neighbours,
        benchmark.percentile,
        benchmark.median_value,
        benchmark.gap_to_median,
        benchmark.gap_to_top_quartile,
        case judged.polarity
            when 'higher' then benchmark.median_value >= judged.target
            else benchmark.median_value <= judged.target
        end as is_usual_elsewhere,
        row_number() over (
            partition by judged.target_key
            order by benchmark.period_end desc, benchmark.period_start asc, benchmark.neighbour_set asc
        ) as recency
    from judged
    inner join {{ ref('benchmark') }} as benchmark
        on benchmark.measure_id = judged.measure_id and benchmark.period_end <= judged.judged_until
    where
        judged.unit_id = judged.root_unit_id
        and judged.polarity in ('higher', 'lower')
        and benchmark.is_comparable
),

gathered as (
    select
        judged.*,
        coalesce(counted.points, 0) as figures,
        counted.newest_value,
        cast(counted.usual_size as double) as usual_size,
        counted.lowest,
        counted.highest,
        coalesce(counted.periods_judged, 0) as periods_judged,
        coalesce(counted.periods_met, 0) as periods_met,
        coalesce(limits.points, 0) as points,
        limits.are_limits_provisional,
        limits.mean,
        limits.mean - limits.reach as lower_limit,
        limits.mean + limits.reach as upper_limit,
        limits.reach,
        spreads.per_month,
        spreads.intercept,
        spreads.sigma,
        cast(counted.points as double) as n,
        counted.sum_of_months / counted.points as mean_month,
        counted.sum_of_squares - counted.sum_of_months * counted.sum_of_months / counted.points as spread_of_months,
        cast(
            extract(year from judged.projected_to) * 12 + extract(month from judged.projected_to) as double
        ) as target_month,
        compared.neighbours,
        compared.percentile,
        compared.median_value,
        compared.gap_to_median,
        compared.gap_to_top_quartile,
        coalesce(compared.is_usual_elsewhere, false) as is_usual_elsewhere,
        judged.value_unit = 'percent' and counted.lowest >= 0 and counted.highest <= 100 as is_share
    from judged
    left join counted on counted.target_key = judged.target_key
    left join spreads on spreads.target_key = judged.target_key
    left join limits on limits.target_key = judged.target_key
    left join compared on compared.target_key = judged.target_key and compared.recency = 1
),

projected as (
    select
        *,
        intercept + per_month * target_month as course,
        case
            when spread_of_months > 0 then {{ quantile_80 }} * sigma * sqrt(
                    1 + 1 / n + (target_month - mean_month) * (target_month - mean_month) / spread_of_months
                )
        end as margin,
        case polarity when 'higher' then per_month * 12 when 'lower' then per_month * -12 end as gain_per_year,
        case polarity when 'higher' then -gap_to_median else gap_to_median end as behind_median,
        case polarity when 'higher' then -gap_to_top_quartile else gap_to_top_quartile end as behind_top_quartile
    from gathered
),

bounded as (
    select
        *,
        {{ kept_in_range('course') }} as projection,
        {{ kept_in_range('course - margin') }} as projection_lower,
        {{ kept_in_range('course + margin') }} as projection_upper
    from projected
),

placed as (
    select
        *,
        -- Where the target lies against what the process shows, and against where the trend leads. What shall be near
        -- zero has a band on either side of zero for a target.
        {%- for name, lowest, highest in [
            ('target_position', 'lower_limit', 'upper_limit'),
            ('projection_position', 'projection_lower', 'projection_upper'),
        ] %}
        case
            when {{ lowest }} is null or {{ highest }} is null or polarity = 'context' then null
            when polarity = 'higher' and target > {{ highest }} then 'beyond_better_limit'
            when polarity = 'higher' and target < {{ lowest }} then 'beyond_worse_limit'
            when polarity = 'lower' and target < {{ lowest }} then 'beyond_better_limit'
            when polarity = 'lower' and target > {{ highest }} then 'beyond_worse_limit'
            when polarity = 'toward_zero' and ({{ lowest }} > band or {{ highest }} < -band) then 'beyond_better_limit'
            when polarity = 'toward_zero' and {{ lowest }} >= -band and {{ highest }} <= band then 'beyond_worse_limit'
            else 'inside_limits'
        end as {{ name }},
        {%- endfor %}
        points >= {{ points_needed }}
        and figures >= {{ points_needed }}
        and lower_limit is not null
        and projection_lower is not null
        and polarity <> 'context' as has_evidence
    from bounded
),

-- The rule: what the process does, where it is heading, what it did of late, and what neighbours show to be possible.
decided as (
    select
        *,
        case
            when not has_evidence then 'insufficient_data'
            -- Met by any usual figure, and nothing points to its being lost.
            when target_position = 'beyond_worse_limit' and projection_position <> 'beyond_better_limit' then 'too_soft'
            -- Met every time of late, and still met with room to spare where the trend leads.
            when
                target_position = 'inside_limits'
                and projection_position = 'beyond_worse_limit'
                and periods_met = {{ periods_judged }}
                then 'too_soft'
            -- Beyond any usual figure and beyond where the trend leads, and not what half of the neighbours reach.
            when
                target_position = 'beyond_better_limit'
                and projection_position = 'beyond_better_limit'
                and not is_usual_elsewhere
                then 'unrealistic'
            -- Beyond any usual figure, yet within reach; or met so far and slipping away.
            when target_position <> 'inside_limits' then 'stretching'
            -- Not reached once of late, nor where the trend leads.
            when projection_position = 'beyond_better_limit' and periods_met = 0 then 'stretching'
            else 'chance'
        end as verdict,
        case when owner is null or owner = '' then ', owner' else '' end
        || case when measure_description is null or measure_description = '' then ', definition' else '' end
        || case when baseline is null then ', baseline' else '' end
        || case when valid_to is null then ', date' else '' end
        || case when source_label is null or source_label = '' then ', source' else '' end as lacking
    from placed
)

select
    measure_id,
    unit_id,
    valid_from,
    valid_to,
    target,
    tolerance,
    verdict,
    case
        when polarity = 'context'
            then 'Neither direction is better for this measure, so that no figure can meet or miss a target.'
        when adds_up
            then 'The figure adds up within the year, so that only the ' || cast(figures as string)
                || ' at the same point of a year can be compared with the target: too few to judge it.'
        when points < {{ points_needed }} or figures < {{ points_needed }}
            then 'Only ' || cast(least(points, figures) as string)
                || ' figures can be compared with the target: {{ points_needed }} are needed to judge it.'
        when not has_evidence then 'The figures hardly vary, so that there are no limits to hold the target against.'
        else
            cast(periods_met as string) || ' of the last ' || cast(periods_judged as string) || ' periods met '
            || {{ value_text('target', 'value_unit', 'decimal_places') }}
            || case
                when polarity = 'toward_zero'
                    then ' give or take ' || {{ value_text('tolerance', 'value_unit', 'decimal_places') }}
                else ''
            end
            || case target_position
                when 'beyond_better_limit' then '. No figure within the process limits, '
                when 'beyond_worse_limit' then '. Every figure within the process limits, '
                else '. Some figures within the process limits, '
            end
            || {{ value_text('lower_limit', 'value_unit', 'decimal_places') }} || ' to '
            || {{ value_text('upper_limit', 'value_unit', 'decimal_places') }}
            || case target_position
                when 'inside_limits' then ', meet it'
                else ', meets it'
            end
            || '. The trend leads to ' || {{ value_text('projection', 'value_unit', 'decimal_places') }} || ' by '
            || {{ month_text('projected_to') }} || ' (80 % interval '
            || {{ value_text('projection_lower', 'value_unit', 'decimal_places') }} || ' to '
            || {{ value_text('projection_upper', 'value_unit', 'decimal_places') }} || ').'
            || case
                when neighbours > 0
                    then ' The median of ' || cast(neighbours as string) || ' neighbours is '
                        || {{ value_text('median_value', 'value_unit', 'decimal_places') }} || '.'
                else ''
            end
    end as evidence,
    '{{ rule_set_version }}' as rule_set_version,
    judged_until,
    cast(least(points, figures) as bigint) as points,
    cast(mean as decimal(18, 4)) as mean,
    cast(lower_limit as decimal(18, 4)) as lower_limit,
    cast(upper_limit as decimal(18, 4)) as upper_limit,
    target_position,
    cast(per_month * 12 as decimal(18, 4)) as slope_per_year,
    projected_to,
    cast(projection as decimal(18, 4)) as projection,
    cast(projection_lower as decimal(18, 4)) as projection_lower,
    cast(projection_upper as decimal(18, 4)) as projection_upper,
    projection_position,
    periods_judged,
    periods_met,
    case
        when periods_judged > 0 and polarity <> 'context'
            then cast(round(cast(periods_met as double) / periods_judged, 4) as decimal(5, 4))
    end as share_met,
    cast(percentile as decimal(5, 1)) as neighbour_percentile,
    cast(neighbours as bigint) as neighbours,
    cast(gap_to_median as decimal(18, 4)) as gap_to_median,
    cast(gap_to_top_quartile as decimal(18, 4)) as gap_to_top_quartile,
    cast(
        case
            when behind_median <= 0 then 0
            when gain_per_year > 0 then round(least(cast(behind_median as double) / gain_per_year, 999), 1)
        end as decimal(9, 1)
    ) as years_to_median,
    cast(
        case
            when behind_top_quartile <= 0 then 0
            when gain_per_year > 0 then round(least(cast(behind_top_quartile as double) / gain_per_year, 999), 1)
        end as decimal(9, 1)
    ) as years_to_top_quartile,
    coalesce(
        polarity <> 'toward_zero'
        and (
            (target = 0 and (lowest > 0 or highest < 0))
            or (target <> 0 and usual_size > 0 and (abs(target) > 10 * usual_size or 10 * abs(target) < usual_size))
        ),
        false
    ) as is_zero_or_off_scale,
    coalesce(
        polarity = 'context'
        or (
            unit_id = root_unit_id
            and (
                (polarity = 'higher' and target < baseline)
                or (polarity = 'lower' and target > baseline)
                or (polarity = 'toward_zero' and abs(target) > abs(baseline))
            )
        ),
        false
    ) as conflicts_with_polarity,
    coalesce(
        (polarity = 'higher' and target < former_target)
        or (polarity = 'lower' and target > former_target)
        or (polarity = 'toward_zero' and abs(target) > abs(former_target))
        or (target = former_target and tolerance > former_tolerance),
        false
    ) as is_loosened,
    former_target is not null
    and (rationale is null or rationale = '')
    and (
        extract(day from valid_from) <> 1
        or extract(month from valid_from)
        <> case frequency when 'calendar_year' then 1 when 'academic_year' then 9 else 4 end
    ) as is_changed_mid_year_without_rationale,
    coalesce(cast(tolerance as double) > reach, false) as is_tolerance_wider_than_variation,
    lacking <> '' as lacks_definition,
    case when lacking <> '' then substring(lacking, 3) end as lacking
from decided
order by measure_id, unit_id, valid_from
