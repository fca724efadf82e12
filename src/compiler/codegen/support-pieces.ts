/**
 * The constant text of `tokitai_support.hpp`, on functions of all lanes that are tables of polynomials: `erf` and `tanh`.
 *
 * f(x) = x·r(|x|), and r is smooth, so that a few powers of the distance to the middle of a piece give it. There are as many pieces
 * as a register has lanes: then one instruction looks a coefficient up for all lanes. `bench/ulp/fit.py` makes the numbers.
 */

import { SIMD_LANES, SIMD_UNITS, type SimdUnit } from "../../ir/kernel/simd.ts";
import { floatLiteral } from "./c-literal.ts";

interface Pieces {
  /** The middle of a piece is so many times its number. A number of few bits, so that the distance to it is exact. */
  readonly step: number;
  /** From here on f is as far from 0 as it gets. */
  readonly last: number;
  /** Of the powers of the distance, the lowest first: one of each piece. */
  readonly coefficients: readonly (readonly number[])[];
}

const FUNCTIONS: Readonly<Record<"erf" | "tanh", Readonly<Record<SimdUnit, Pieces>>>> = {
  erf: {
    avx512: {
      step: 140283 / 2 ** 19,
      last: 4.0,
      coefficients: [
        [
          1.12837923, 1.10201979, 1.02932346, 0.926500618, 0.812755883, 0.703751087, 0.60845232, 0.529595613,
          0.466016799, 0.414988011, 0.373678267, 0.339749247, 0.311444879, 0.287488937, 0.266954213, 0.249157295,
        ],
        [
          -8.78969786e-6, -0.192850128, -0.339967966, -0.416204065, -0.42405346, -0.385189831, -0.325600833,
          -0.264709085, -0.212313756, -0.170908809, -0.139329076, -0.115366898, -0.0969867483, -0.0826481581,
          -0.0712643191, -0.0620793998,
        ],
        [
          -0.37575683, -0.329662859, -0.212098509, -0.0739161819, 0.0373087488, 0.0994921625, 0.117084004, 0.107528761,
          0.0876361728, 0.0675513819, 0.0511951931, 0.0390032344, 0.030168429, 0.0237549581, 0.0190242641, 0.0154648796,
        ],
        [
          -0.00636302447, 0.110862441, 0.170823529, 0.163089216, 0.109443158, 0.0467413627, 0.00102642656,
          -0.0212208908, -0.0262567084, -0.023035299, -0.0176773779, -0.0128911464, -0.00931897108, -0.00681520486,
          -0.00507642981, -0.0038933882,
        ],
        [
          0.161157086, 0.0852041319, 0.0234424751, -0.0336190052, -0.0595977306, -0.0530651398, -0.031376522,
          -0.0113327531, 0.000405739964, 0.00467766775, 0.00492578046, 0.00385615835, 0.00280217454, 0.00190443371,
          0.00131456554, 0.00067483692,
        ],
        [
          -0.137631118, -0.0374876522, -0.0492798686, -0.0328031108, -0.00547154015, 0.0131019428, 0.0169006884,
          0.0120976279, 0.00546007464, 0.00128041161, -0.000511210703, -0.000859007007, -0.000765261415,
          -0.000524585892, -0.000344292668, -0.000999824842,
        ],
      ],
    },
    avx2: {
      step: 287365 / 2 ** 19,
      last: 4.0,
      coefficients: [
        [1.12837923, 1.02487946, 0.801784575, 0.595962286, 0.455235749, 0.364854634, 0.30407685, 0.260638148],
        [
          -7.97316625e-6, -0.34538272, -0.421901554, -0.316493154, -0.203433365, -0.132907704, -0.0924561396,
          -0.0679321289,
        ],
        [-0.375812739, -0.205434024, 0.0455805473, 0.116928898, 0.083564952, 0.0478793159, 0.0280913115, 0.0177053399],
        [
          -0.00544054573, 0.171969205, 0.103204951, -0.00360899116, -0.0260356534, -0.0164179094, -0.00849477109,
          -0.00461349962,
        ],
        [
          0.161280692, 0.0203694217, -0.0603848025, -0.0281086713, 0.00171412493, 0.00476081809, 0.00250950805,
          0.00119497557,
        ],
        [
          -0.230943009, -0.049513828, -0.00312847458, 0.0167590268, 0.00451148674, -0.00069069583, -0.00067918963,
          -0.000318656326,
        ],
        [
          0.533354163, 0.00328820781, 0.0147711225, -0.00189906405, -0.00324913557, -0.000439555501, 0.000162549404,
          0.00017740528,
        ],
        [
          -0.54152596, 0.00968489237, -0.00363623514, -0.00239661662, 0.000926092383, 0.000355000346, -4.29381471e-5,
          0.000241352638,
        ],
      ],
    },
  },
  tanh: {
    avx512: {
      step: 328949 / 2 ** 19,
      last: 9.5,
      coefficients: [
        [
          1.0, 0.886603951, 0.677086294, 0.507205248, 0.393224895, 0.317566484, 0.265352666, 0.227619916, 0.199211046,
          0.177087545, 0.159381628, 0.144893125, 0.132818893, 0.122602105, 0.113844827, 0.106255174,
        ],
        [
          1.16505472e-8, -0.312460423, -0.317942172, -0.222415239, -0.146287844, -0.0988356844, -0.0699174926,
          -0.0516872332, -0.0396537036, -0.0313519575, -0.0254004207, -0.020993473, -0.0176407155, -0.0150312381,
          -0.0129606342, -0.0112901572,
        ],
        [
          -0.333334297, -0.114247821, 0.0650609508, 0.0732454062, 0.0480301939, 0.0291212406, 0.0180026293,
          0.0116290553, 0.00786565151, 0.00554346247, 0.00404625898, 0.00304134726, 0.00234275544, 0.00184273033,
          0.00147528353, 0.00119933824,
        ],
        [
          2.69236771e-5, 0.155789018, 0.0342693143, -0.0117138503, -0.0124791712, -0.00770540489, -0.00440308079,
          -0.00255486392, -0.00154402037, -0.000975925475, -0.000643387029, -0.000440319098, -0.000311020965,
          -0.000225897602, -0.000167942344, -0.000129272667,
        ],
        [
          0.132974103, -0.0294556301, -0.0377090015, -0.00478179427, 0.00182863267, 0.00167140877, 0.000990746543,
          0.000538741471, 0.000289789721, 0.000167765276, 9.90751359e-5, 6.12022195e-5, 4.35565562e-5, 2.95335467e-5,
          2.33256051e-5, 3.29965369e-5,
        ],
        [
          0.00259545981, -0.0413056239, 0.0150794396, 0.00502707576, 0.000396933814, -0.000226095319, -0.000191550425,
          -0.000105275823, -5.02373405e-5, -2.6686821e-5, -1.55645266e-5, -8.06009575e-6, -6.49022149e-6,
          -3.61553521e-6, -2.79097162e-6, 0.000219608162,
        ],
        [
          -0.0644849837, 0.0263752192, 0.000251097226, -0.00230238424, -0.000498995243, 2.36094656e-5, -3.16976802e-5,
          -2.30473643e-6, 4.52285858e-5, 1.69500399e-5, 1.82062977e-5, 1.51978657e-5, -1.25832112e-5, -1.0331466e-5,
          -2.41816742e-5, 0.000738967501,
        ],
        [
          0.0229089186, 0.00255455892, -0.00363709871, 0.000539140718, 0.000212029161, -1.38044979e-5, 3.3329914e-5,
          8.59259671e-6, -2.43075829e-5, -1.2820854e-5, -2.70860232e-6, -6.22401512e-6, 5.65901064e-6, 1.38920041e-6,
          3.73168928e-6, 0.00082892878,
        ],
      ],
    },
    avx2: {
      step: 689761 / 2 ** 19,
      last: 9.5,
      coefficients: [
        [1.0, 0.658011198, 0.376131535, 0.253178, 0.190015033, 0.152019605, 0.126683459, 0.108585849],
        [
          -3.72569087e-9, -0.309687167, -0.135151491, -0.063769117, -0.0360872373, -0.0231088735, -0.0160486326,
          -0.0117908828,
        ],
        [
          -0.333333045, 0.070507966, 0.0436472408, 0.0157794226, 0.00683708722, 0.00351182022, 0.00203301688,
          0.00128033722,
        ],
        [
          -7.49996616e-6, 0.0256564301, -0.0115496991, -0.00374658266, -0.00128562725, -0.000533093058, -0.000257504376,
          -0.000139003372,
        ],
        [
          0.133429751, -0.0331509374, 0.0019762842, 0.00082415482, 0.00023731454, 8.09009434e-5, 3.27204543e-5,
          1.46430548e-5,
        ],
        [
          -0.000714995665, 0.0148413768, 0.000131192966, -0.000159510731, -4.22844496e-5, -1.20593631e-5,
          -4.11655037e-6, -2.30902606e-6,
        ],
        [
          -0.0506690815, -0.00138647039, -0.000294877827, 2.30730639e-5, 8.09766334e-6, 4.48340785e-7, -1.29341828e-7,
          4.10277107e-6,
        ],
        [
          -0.00978973694, -0.00275990856, 0.00015273552, 3.59100341e-8, -1.44669571e-6, -3.77465682e-7, -7.49441611e-8,
          8.36953404e-6,
        ],
        [
          0.0405149423, 0.00198524422, -4.42833516e-5, 1.01840817e-6, -2.01313105e-6, 3.13654823e-6, 1.50771189e-6,
          -8.24060135e-6,
        ],
        [
          -0.0216579381, -0.000375629956, 1.06808175e-5, -1.00659167e-6, 3.14198417e-7, 1.09537758e-7, 8.63095373e-9,
          -3.11165386e-5,
        ],
        [
          0.00381466816, -0.000146444421, -8.7765593e-6, -1.52064058e-6, 1.79690528e-6, -2.60955221e-6, -1.26126201e-6,
          -1.98027119e-5,
        ],
      ],
    },
  },
};

function tableOf(name: string, unit: SimdUnit, { step, last, coefficients }: Pieces): string {
  const lanes = SIMD_LANES[unit];
  const rows = coefficients.map((row) => `    {${row.map(floatLiteral).join(", ")}},\n`);
  return `
template <>
struct tok_${name}_pieces<tok_lanes${lanes}> {
  static constexpr float step = ${floatLiteral(step)}, per_step = ${floatLiteral(1 / step)}, last = ${floatLiteral(last)};
  static constexpr int degree = ${coefficients.length - 1};
  alignas(64) static constexpr float coefficients[degree + 1][${lanes}] = {
${rows.join("")}  };
};
`;
}

/** `tok_erf` and `tok_tanh`, which need what stands before them in `support-functions.ts`. */
export const PIECEWISE = `
// Of each lane the element of the table at its place, of which the last bits count.
template <typename Row>
static inline Row tok_looked_up(const float *table, const typename tok_ints<Row>::type &place) {
#if defined(__clang__)
  const int lanes = sizeof(Row) / sizeof(float);
  Row result = {};
  for (int lane = 0; lane < lanes; ++lane) result[lane] = table[place[lane] & (lanes - 1)];
  return result;
#else
  return __builtin_shuffle(tok_load_lanes<Row>(table), place);
#endif
}

// x, or the other where x is larger; NaN stays.
template <typename Row>
static inline Row tok_capped(const Row &x, float most) {
  return x > most ? tok_splat<Row>(most) : x;
}

#if defined(__AVX512F__)
template <>
inline tok_lanes16 tok_capped(const tok_lanes16 &x, float most) {
  return (tok_lanes16)_mm512_min_ps(_mm512_set1_ps(most), (__m512)x);
}
#endif

#if defined(__AVX__)
template <>
inline tok_lanes8 tok_capped(const tok_lanes8 &x, float most) {
  return (tok_lanes8)_mm256_min_ps(_mm256_set1_ps(most), (__m256)x);
}
#endif

// x r(|x|), with r by the polynomial of the piece in which |x| is.
template <typename Pieces, typename Row>
static inline Row tok_by_pieces(const Row &x) {
  typedef typename tok_ints<Row>::type Ints;
  const Row size = tok_capped(tok_abs(x), Pieces::last);
  // The sum's last bits are the number of the piece, since its unit in the last place is 1.
  const Row shifted = tok_fma(size, tok_splat<Row>(Pieces::per_step), tok_splat<Row>(8388608.0f));
  const Ints piece = (Ints)shifted;
  const Row distance = tok_fma(shifted - 8388608.0f, tok_splat<Row>(-Pieces::step), size);
  Row r = tok_looked_up<Row>(Pieces::coefficients[Pieces::degree], piece);
#pragma GCC unroll 16
  for (int power = Pieces::degree - 1; power > 0; --power) {
    r = tok_fma(r, distance, tok_looked_up<Row>(Pieces::coefficients[power], piece));
  }
  // The largest term last, and its product not rounded; it is not negative, so that the sign is a bit that it lacks.
  const Row result = tok_fma(size, tok_looked_up<Row>(Pieces::coefficients[0], piece), size * distance * r);
  return (Row)((Ints)result | ((Ints)x & (int32_t)0x80000000));
}
${(["erf", "tanh"] as const)
  .map(
    (name) => `
template <typename Row>
struct tok_${name}_pieces;
${SIMD_UNITS.map((unit) => tableOf(name, unit, FUNCTIONS[name][unit])).join("")}
template <typename Row>
static inline Row tok_${name}(const Row &x) {
  return tok_by_pieces<tok_${name}_pieces<Row>>(x);
}
`,
  )
  .join("")}`;
